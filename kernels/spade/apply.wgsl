// y = f(x̂ · (1 + gamma) + beta) with known statistics, for segment s of group g: P.chunk of its P.outer · P.length
// values (V), counted through the group. One workgroup a segment.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.groups * P.segments) { return; }
  let g = output / P.segments;
  let first = (output % P.segments) * P.chunk + t;
  let end = min(first - t + P.chunk, P.outer * P.length);
  let found = stats[g];
  // value k of the group is r values into its slab o; both advance without a division
  let slabs = WG / P.length;
  let rest = WG % P.length;
  var o = first / P.length;
  var r = first % P.length;
  for (var k = first; k < end; k += WG) {
    let i = placeOf(o, g, r);
    let j = gammaOf(i, o, g);
    let xhat = standardised(V(x[i]), found);
    let v = xhat * (1.0 + V(gammaBeta[j])) + V(gammaBeta[j + betaStep()]);
    y[i] = VT(select(P.slope * v, v, v > V()));
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
}
