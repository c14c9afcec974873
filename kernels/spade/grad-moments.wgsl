// dgamma, dbeta and (A, B) of grad-fused.wgsl for segment s of group g: P.chunk of its P.outer · P.length values (V),
// counted through the group. One workgroup a segment; grad-apply.wgsl adds the segments.

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
  // value k of the group is r values into its slab o; both advance without a division
  let slabs = WG / P.length;
  let rest = WG % P.length;
  var o = first / P.length;
  var r = first % P.length;
  var a = V();
  var b = V();
  var k = first;
  while (k < end) {
    let stop = min(k + RUN * WG, end);
    var aRun = V();
    var bRun = V();
    for (; k < stop; k += WG) {
      let i = placeOf(o, g, r);
      let terms = storeTerms(i, gammaOf(i, o, g), found);
      aRun += terms.e;
      bRun += terms.exhat;
      o += slabs;
      r += rest;
      if (r >= P.length) {
        r -= P.length;
        o++;
      }
    }
    a += aRun;
    b += bRun;
  }
  let sums = workgroupSum(t, vec2f(total(a), total(b)));
  if (t == 0u) { partial[output] = sums; }
}
