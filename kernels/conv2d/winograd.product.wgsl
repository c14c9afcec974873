// Winograd's sums: m[p, k, t] = Σ_c u[p, c, k] · v[p, c, t] at each of the 36 points p, on subgroups of SG lanes; in the
// weight gradient c counts tiles and t channels.
//
// A lane owns TILE_K rows and two vectors of four columns. For each c it loads its two vectors of v and the value of u of
// row s (lane s), which shuffles with constant lanes hand to all.
const TILE_V: u32 = 2u;
const ROWS: u32 = (TILE_K + SG - 1u) / SG; // rows of u that a lane loads

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let blocks = (P.endRow - P.startRow) / TILE_K;
  let vectors = P.width / 4u;
  let tiles = (vectors + SG * TILE_V - 1u) / (SG * TILE_V);
  var rest = groupIndex(group, groups);
  let k0 = P.startRow + rest % blocks * TILE_K;
  rest /= blocks;
  let j0 = rest % tiles * SG * TILE_V + lane;
  let point = rest / tiles;
  if (point >= 36u) { return; } // uniform across the workgroup

  let terms = P.terms;
  let rows = P.rows;
  var uAt: array<u32, ROWS>;
  for (var q = 0u; q < ROWS; q++) { uAt[q] = point * terms * rows + k0 + min(q * SG + lane, TILE_K - 1u); }
  var vAt: array<u32, TILE_V>;
  for (var e = 0u; e < TILE_V; e++) { vAt[e] = point * terms * vectors + min(j0 + e * SG, vectors - 1u); }

  var sums: array<array<vec4f, TILE_V>, TILE_K>;
  for (var c = 0u; c < terms; c++) {
    var pixels: array<vec4f, TILE_V>;
    for (var e = 0u; e < TILE_V; e++) { pixels[e] = v[vAt[e] + c * vectors]; }
    var weights: array<f32, ROWS>;
    for (var q = 0u; q < ROWS; q++) { weights[q] = u[uAt[q] + c * rows]; }
    for (var i = 0u; i < TILE_K; i++) {
      let factor = subgroupShuffle(weights[i / SG], i % SG);
      for (var e = 0u; e < TILE_V; e++) { sums[i][e] += factor * pixels[e]; }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  for (var e = 0u; e < TILE_V; e++) {
    let j = j0 + e * SG;
    if (j < vectors) {
      for (var i = 0u; i < min(TILE_K, P.endRow - k0); i++) { m[(point * rows + k0 + i) * vectors + j] = done[i][e]; }
    }
  }
}
