// y = dy · x̂ elementwise over [outer, groups, length], length counting V.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  let found = stats[(i / P.length) % P.groups];
  y[i] = V(dy[i]) * standardised(V(x[i]), found);
}
