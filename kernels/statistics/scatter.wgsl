// dx[place[o]] = dy[o]: every output has a place of its own. dx is 0 elsewhere beforehand.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let o = groupIndex(group, groups) * WG + thread;
  if (o < P.count) { dx[places[o]] = dy[o]; }
}
