// dx of grad-fused.wgsl from d, which is dbeta, and the (A, B) of all segments of the group, for segment s of group g:
// P.chunk of its P.outer · P.length values (V), counted through the group. One workgroup a segment.
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
  var sum = vec2f();
  for (var s = t; s < P.segments; s += WG) { sum += partial[g * P.segments + s]; }
  let means = workgroupSum(t, sum) * P.inverseCount;
  // value k of the group is r values into its slab o; both advance without a division
  let slabs = WG / P.length;
  let rest = WG % P.length;
  var o = first / P.length;
  var r = first % P.length;
  for (var k = first; k < end; k += WG) {
    let i = placeOf(o, g, r);
    let j = gammaOf(i, o, g);
    let xhat = standardised(V(x[i]), found);
    let e = V(dgammaBeta[j + betaStep()]) * (1.0 + V(gammaBeta[j]));
    dx[i] = VT(found.z * (e - (means.x + xhat * means.y)));
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
}
