// average-pool.wgsl for windows of 2 × 2, two apart.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i >= P.rows * P.run) { return; }
  let block = blockOf(i);
  let a = vec4f(x[block.at]);
  let b = vec4f(x[block.at + 1u]);
  let c = vec4f(x[block.below]);
  let e = vec4f(x[block.below + 1u]);
  let upper = vec4f(a.xz, b.xz) + vec4f(a.yw, b.yw);
  y[i] = T4((upper + vec4f(c.xz, e.xz) + vec4f(c.yw, e.yw)) * 0.25);
}
