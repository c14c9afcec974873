// Solves X Dᵀ = R for the rows below the diagonal block D at P.first: x_j = (r_j - Σ_{c<j} x_c D_jc) / D_jj.
// A thread owns a row, which it keeps in workgroup memory; no thread reads another's.
const BLOCK = 32u;
const ROWS = 64u;
const PITCH = 33u;
var<workgroup> diagonal: array<f32, BLOCK * PITCH>;
var<workgroup> rows: array<f32, ROWS * PITCH>;

@compute @workgroup_size(ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups);
  if (index >= P.batch * P.tiles) { return; } // uniform across the workgroup
  let item = index / P.tiles;
  let matrix = item * P.stride * P.stride;
  let corner = matrix + P.first * P.stride + P.first;
  for (var e = t; e < BLOCK * BLOCK; e += ROWS) {
    diagonal[e / BLOCK * PITCH + e % BLOCK] = w[corner + e / BLOCK * P.stride + e % BLOCK];
  }
  workgroupBarrier();
  let i = P.first + BLOCK + (index % P.tiles) * ROWS + t;
  if (i >= P.stride || info[item] > 0u) { return; }
  let source = matrix + i * P.stride + P.first;
  let row = t * PITCH;
  for (var j = 0u; j < BLOCK; j++) {
    var sum = w[source + j];
    for (var c = 0u; c < j; c++) { sum = fma(-rows[row + c], diagonal[j * PITCH + c], sum); }
    let x = sum / diagonal[j * PITCH + j];
    rows[row + j] = x;
    w[source + j] = x;
  }
}
