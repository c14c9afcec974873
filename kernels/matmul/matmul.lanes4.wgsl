// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias), on subgroups of SG lanes, where rows of B and y are vectors of
// four. Strides say how A lies.
//
// A lane owns two vectors of columns, SG apart, and TILE_M rows. For each k it loads its vectors of B and the value of A of
// row s (lane s), which shuffles with constant lanes hand to all: one for eight products.
const ROWS: u32 = (TILE_M + SG - 1u) / SG; // rows of A that a lane loads
const VECTORS: u32 = 2u;

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let vectors = P.n / 4u;
  let blocks = (P.endRow - P.startRow + TILE_M - 1u) / TILE_M;
  let tiles = (vectors + SG * VECTORS - 1u) / (SG * VECTORS);
  var rest = groupIndex(group, groups);
  let i0 = P.startRow + rest % blocks * TILE_M;
  rest /= blocks;
  let j0 = rest % tiles * SG * VECTORS + lane;
  let item = rest / tiles;
  if (item >= P.batch) { return; } // uniform across the workgroup

  let terms = P.k;
  let aStep = P.aColumn;
  var aAt: array<u32, ROWS>;
  for (var q = 0u; q < ROWS; q++) { aAt[q] = item * P.aBatch + min(i0 + q * SG + lane, P.endRow - 1u) * P.aRow; }
  var bAt: array<u32, VECTORS>;
  for (var e = 0u; e < VECTORS; e++) { bAt[e] = item * P.bBatch / 4u + min(j0 + e * SG, vectors - 1u); }

  var sums: array<array<vec4f, VECTORS>, TILE_M>;
  for (var k = 0u; k < terms; k++) {
    var columns: array<vec4f, VECTORS>;
    for (var e = 0u; e < VECTORS; e++) { columns[e] = vec4f(b[bAt[e] + k * vectors]); }
    var rows: array<f32, ROWS>;
    for (var q = 0u; q < ROWS; q++) { rows[q] = f32(a[aAt[q] + k * aStep]); }
    for (var i = 0u; i < TILE_M; i++) {
      let factor = subgroupShuffle(rows[i / SG], i % SG);
      for (var e = 0u; e < VECTORS; e++) { sums[i][e] += factor * columns[e]; }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  for (var e = 0u; e < VECTORS; e++) {
    let j = j0 + e * SG;
    if (j < vectors) {
      for (var i = 0u; i < min(TILE_M, P.endRow - i0); i++) {
        let sum = done[i][e];
        let row = i0 + i;
        let at = 4u * j;
        y[(item * P.m + row) * vectors + j] =
          T4(vec4f(finish(sum.x, row, at), finish(sum.y, row, at + 1u), finish(sum.z, row, at + 2u), finish(sum.w, row, at + 3u)));
      }
    }
  }
}
