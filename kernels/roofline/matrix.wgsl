// Four independent chains of c = l · r + c over subgroup matrices, l [M, K] and r [K, N] in the storage type, c [M, N] in
// f32: 8 M N K operations a step and subgroup. Each chain has a left matrix of its own, so that none is another's. Every
// subgroup stores its sums.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_id) subgroup: u32,
) {
  let i = groupIndex(group, groups);
  let l0 = subgroupMatrixLoad<subgroup_matrix_left<T, K, M>, row_major>(&x, 0u, K);
  let l1 = subgroupMatrixLoad<subgroup_matrix_left<T, K, M>, row_major>(&x, M * K, K);
  let l2 = subgroupMatrixLoad<subgroup_matrix_left<T, K, M>, row_major>(&x, 2u * M * K, K);
  let l3 = subgroupMatrixLoad<subgroup_matrix_left<T, K, M>, row_major>(&x, 3u * M * K, K);
  let r = subgroupMatrixLoad<subgroup_matrix_right<T, N, K>, row_major>(&x, 4u * M * K, N);
  var c0: subgroup_matrix_result<f32, N, M>;
  var c1: subgroup_matrix_result<f32, N, M>;
  var c2: subgroup_matrix_result<f32, N, M>;
  var c3: subgroup_matrix_result<f32, N, M>;
  for (var step = 0u; step < P.steps; step++) {
    c0 = subgroupMatrixMultiplyAccumulate(l0, r, c0);
    c1 = subgroupMatrixMultiplyAccumulate(l1, r, c1);
    c2 = subgroupMatrixMultiplyAccumulate(l2, r, c2);
    c3 = subgroupMatrixMultiplyAccumulate(l3, r, c3);
  }
  let at = (i * (WG / SG) + subgroup) * 4u * M * N;
  subgroupMatrixStore<row_major>(&y, at, c0, N);
  subgroupMatrixStore<row_major>(&y, at + M * N, c1, N);
  subgroupMatrixStore<row_major>(&y, at + 2u * M * N, c2, N);
  subgroupMatrixStore<row_major>(&y, at + 3u * M * N, c3, N);
}
