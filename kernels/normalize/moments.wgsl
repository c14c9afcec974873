// (S, Q) about the group's shift, for segment s of group g: P.chunk of its P.outer · P.length values (V), counted
// through the group. One workgroup a segment; UNROLL values are loaded before the first is used. `finish` adds the segments.

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
  let shift = shiftOf(g);
  let step = placeIn(WG);
  var place = placeIn(first);
  var s = V();
  var q = V();
  var k = first;
  while (k < end) {
    let stop = min(k + RUN * WG, end);
    var sRun = V();
    var qRun = V();
    for (; k < stop; k += UNROLL * WG) {
      var v: array<VT, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || k + j * WG < stop) { v[j] = x[(place.x * P.groups + g) * P.length + place.y]; }
        place = onward(place, step);
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && k + j * WG >= stop) { continue; }
        let e = V(v[j]) - shift;
        sRun += e;
        qRun += e * e;
      }
    }
    s += sRun;
    q += qRun;
  }
  let sums = workgroupSum(t, vec2f(total(s), total(q)));
  if (t == 0u) { partial[output] = vec4f(shift, sums, 0.0); }
}
