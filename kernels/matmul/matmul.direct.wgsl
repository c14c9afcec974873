// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias), one thread a result: for a handful of rows, where nothing is
// worth sharing. Strides say how A and B lie.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let index = groupIndex(group, groups) * WG + thread;
  if (index >= P.batch * P.m * P.n) { return; }
  let j = index % P.n;
  let i = index / P.n % P.m;
  let item = index / (P.m * P.n);
  let left = item * P.aBatch + i * P.aRow;
  let right = item * P.bBatch + j * P.bColumn;
  var sum = 0.0;
  for (var k = 0u; k < P.k; k++) { sum += f32(a[left + k * P.aColumn]) * f32(b[right + k * P.bRow]); }
  y[index] = T(finish(sum, i, j));
}
