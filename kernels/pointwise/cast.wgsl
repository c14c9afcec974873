// y = x in another storage type, four elements a thread.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i < P.count) { y[i] = U4(x[i]); }
}
