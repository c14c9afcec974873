// y = a where cond is not 0, b elsewhere; four neighbouring elements a thread. All have y's shape; what is not chosen is
// not touched by arithmetic, so that a NaN in it stays out.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i < P.count) { y[i] = select(b[i], a[i], cond[i] != U4()); }
}
