// dx of grad-fused.wgsl from d, which is dbeta, and the (A, B) of all segments of the group, for segment s of group g:
// P.chunk of its P.outer · P.length values (V), counted through the group. One workgroup a segment; UNROLL values are
// loaded before the first is used.
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
  gradientRun(first, end, placeIn(first), g, found, means);
}
