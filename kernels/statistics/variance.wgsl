// The variance of each group, times P.unbias = n / (n − correction), from its statistics. One thread a group.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let g = groupIndex(group, groups) * WG + thread;
  if (g < P.groups) { y[g] = U(stats[g].w * P.unbias); }
}
