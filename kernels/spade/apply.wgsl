// y = f(x̂ · (1 + gamma) + beta) with statistics that known.wgsl or joined.wgsl gives, for segment s of group g: P.chunk of its P.outer · P.length
// values (V), counted through the group. One workgroup a segment; UNROLL values are loaded before the first is used.
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
  let found = statisticsFor(g, output % P.segments, t);
  modulateRun(first, end, placeIn(first), g, found);
}
