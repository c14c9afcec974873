// Statistics of group g from the sums of its P.segments segments. One workgroup a group.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let g = groupIndex(group, groups);
  if (g >= P.groups) { return; } // uniform across the workgroup
  var sum = vec2f();
  for (var s = t; s < P.segments; s += WG) { sum += partial[g * P.segments + s].yz; }
  let sums = workgroupSum(t, sum);
  if (t != 0u) { return; }
  stats[g] = statisticsOf(partial[g * P.segments].x, sums, P.count, P.eps);
}
