// dgamma, dbeta and (A, B) of grad-fused.wgsl for segment s of group g: P.chunk of its P.outer · P.length values (V),
// counted through the group. One workgroup a segment; grad-apply.wgsl adds the segments. UNROLL values are loaded before
// the first is used.

const RUN = 64u; // values (V) that a thread adds up before they join its sum: rounding stays near that of a pairwise sum

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.groups * P.segments) { return; } // uniform across the workgroup
  let g = output / P.segments;
  let first = (output % P.segments) * P.chunk + t;
  let end = min(first - t + P.chunk, P.outer * P.length);
  let found = stats[g];
  let step = placeIn(WG);
  var place = placeIn(first);
  var a = V();
  var b = V();
  var k = first;
  while (k < end) {
    let stop = min(k + RUN * WG, end);
    var aRun = V();
    var bRun = V();
    for (; k < stop; k += UNROLL * WG) {
      var given: array<Given, UNROLL>;
      var at: array<u32, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        let i = placeOf(place.x, g, place.y);
        at[j] = gammaOf(i, place.x, g);
        if (j == 0u || k + j * WG < stop) { given[j] = givenAt(i, at[j]); }
        place = onward(place, step);
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && k + j * WG >= stop) { continue; }
        let terms = storeTerms(at[j], given[j], found);
        aRun += terms.e;
        bRun += terms.e * terms.xhat;
      }
    }
    a += aRun;
    b += bRun;
  }
  let sums = workgroupSum(t, vec2f(total(a), total(b)));
  if (t == 0u) { partial[output] = sums; }
}
