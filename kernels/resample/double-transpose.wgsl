// The transpose of double.wgsl: x[p, i, j] = Σ y[p, 2i + r, 2j + s] over r, s in {0, 1}. A thread reads four vectors and
// writes one.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  let row = i / P.width;
  let upper = 4u * row * P.width + 2u * (i - row * P.width);
  let lower = upper + 2u * P.width;
  let left = vec4f(y[upper]) + vec4f(y[lower]);
  let right = vec4f(y[upper + 1u]) + vec4f(y[lower + 1u]);
  x[i] = T4(vec4f(left.xz + left.yw, right.xz + right.yw));
}
