// L [n, n] from the working copy: rows cut to n, zeros above the diagonal, times 2^k.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups) * WG + t;
  if (index >= P.batch * P.n * P.n) { return; }
  let item = index / (P.n * P.n);
  let i = index / P.n % P.n;
  let j = index % P.n;
  var value = 0.0;
  if (j <= i) {
    value = w[(item * P.stride + i) * P.stride + j] * powerOfTwo(i32(exponent[item]));
    value = finished(value, i, j, info[item]);
  }
  l[index] = value;
}
