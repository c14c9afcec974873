// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias), on subgroups of SG lanes. Strides say how A and B lie.
//
// A lane owns four neighbouring columns and TILE_M rows. For each k it loads its four values of B and the value of A of row
// s (lane s), which shuffles with constant lanes hand to all: one rolled loop with few loads in the text, because both
// decide on software Vulkan.
const ROWS: u32 = (TILE_M + SG - 1u) / SG; // rows of A that a lane loads

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let blocks = (P.endRow - P.startRow + TILE_M - 1u) / TILE_M;
  let tiles = (P.n + SG * 4u - 1u) / (SG * 4u);
  var rest = groupIndex(group, groups);
  let i0 = P.startRow + rest % blocks * TILE_M;
  rest /= blocks;
  let j0 = (rest % tiles * SG + lane) * 4u;
  let item = rest / tiles;
  if (item >= P.batch) { return; } // uniform across the workgroup

  let terms = P.k;
  let aStep = P.aColumn;
  let bStep = P.bRow;
  var aAt: array<u32, ROWS>;
  for (var q = 0u; q < ROWS; q++) { aAt[q] = item * P.aBatch + min(i0 + q * SG + lane, P.endRow - 1u) * P.aRow; }
  var bAt: array<u32, 4>;
  for (var e = 0u; e < 4u; e++) { bAt[e] = item * P.bBatch + min(j0 + e, P.n - 1u) * P.bColumn; }

  var sums: array<vec4f, TILE_M>;
  for (var k = 0u; k < terms; k++) {
    var columns: vec4f;
    for (var e = 0u; e < 4u; e++) { columns[e] = f32(b[bAt[e] + k * bStep]); }
    var rows: array<f32, ROWS>;
    for (var q = 0u; q < ROWS; q++) { rows[q] = f32(a[aAt[q] + k * aStep]); }
    for (var i = 0u; i < TILE_M; i++) { sums[i] += subgroupShuffle(rows[i / SG], i % SG) * columns; }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  for (var i = 0u; i < min(TILE_M, P.endRow - i0); i++) {
    let start = (item * P.m + i0 + i) * P.n + j0;
    for (var e = 0u; e < 4u; e++) {
      if (j0 + e < P.n) { y[start + e] = T(finish(done[i][e], i0 + i, j0 + e)); }
    }
  }
}
