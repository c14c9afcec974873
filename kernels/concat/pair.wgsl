// Two tensors side by side, seen as lines: y[o] is a[o], of P.first positions, then b[o], of P.second. Positions count
// elements, or vectors of four; a thread owns one of y.
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
    y[i] = a[o * P.first + k];
  } else {
    y[i] = b[o * P.second + k - P.first];
  }
}
