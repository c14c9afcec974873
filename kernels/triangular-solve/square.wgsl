// y = diagonal · x_ii on the diagonal, below · x_ij + across · x_ji under it, above · x_ij + across · x_ji over it, for
// each square matrix of a batch. One thread an element.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups) * WG + t;
  if (index >= P.batch * P.n * P.n) { return; }
  let i = index / P.n % P.n;
  let j = index % P.n;
  if (i == j) {
    y[index] = P.diagonal * x[index];
    return;
  }
  // a factor of zero keeps out whatever the other triangle holds
  let factor = select(P.above, P.below, j < i);
  var value = 0.0;
  if (factor != 0.0) { value = factor * x[index]; }
  if (P.across != 0.0) { value += P.across * x[index - i * P.n - j + j * P.n + i]; }
  y[index] = value;
}
