// pair.wgsl backwards: a[o] and b[o] are the P.first positions at the start of x[o] and the P.second that follow. A thread
// owns one position of x.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i >= P.count) { return; }
  let line = P.first + P.second;
  let o = i / line;
  let k = i - o * line;
  if (k < P.first) {
    a[o * P.first + k] = x[i];
  } else {
    b[o * P.second + k - P.first] = x[i];
  }
}
