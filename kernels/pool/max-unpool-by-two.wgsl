// max-unpool.wgsl for windows of 2 × 2, two apart: every element belongs to one window.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i >= P.rows * P.run) { return; }
  let block = blockOf(i);
  let v = vec4f(y[i]);
  let place = argmax[i];
  let corner = block.first + vec4u(0u, 2u, 4u, 6u);
  for (var k = 0u; k < 2u; k++) {
    let even = select(vec4f(), v, place == corner + k * 8u * P.run);
    let odd = select(vec4f(), v, place == corner + k * 8u * P.run + 1u);
    let at = select(block.below, block.at, k == 0u);
    x[at] = T4(vec4f(even.x, odd.x, even.y, odd.y));
    x[at + 1u] = T4(vec4f(even.z, odd.z, even.w, odd.w));
  }
}
