// average-unpool.wgsl for windows of 2 × 2, two apart: every element belongs to one window.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i >= P.rows * P.run) { return; }
  let block = blockOf(i);
  let v = vec4f(y[i]) * 0.25;
  let left = T4(v.xxyy);
  let right = T4(v.zzww);
  x[block.at] = left;
  x[block.at + 1u] = right;
  x[block.below] = left;
  x[block.below + 1u] = right;
}
