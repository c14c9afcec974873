// Tiles of A and B out of vectors of four, along the axis in which each lies contiguously; its extent divides by four. A
// thread takes four vectors at once: four terms of a quad of rows where these are neighbours in memory; else a quad of terms
// of four rows, which it transposes. Rows beyond the last are read as the last; what they give is not stored. Terms beyond
// the end are 0.
const STEP_QUADS: u32 = STEP / 4u;

fn transposed(lines: array<T4, 4>) -> array<T4, 4> {
  let turned = transpose(mat4x4<T>(lines[0], lines[1], lines[2], lines[3]));
  return array<T4, 4>(turned[0], turned[1], turned[2], turned[3]);
}

fn loadRows(thread: u32, item: u32, i0: u32, k0: u32, end: u32) {
  let along = P.aColumn == 1u;
  let last = select(P.m - 4u, P.m - 1u, along);
  for (var at = thread; at < STEP_QUADS * QUADS_M; at += THREADS) {
    let term = select(at / QUADS_M, at % STEP_QUADS, along) * 4u;
    let quad = select(at % QUADS_M, at / STEP_QUADS, along);
    var lines: array<T4, 4>;
    for (var e = 0u; e < 4u; e++) {
      let i = min(i0 + quad * 4u + select(0u, e, along), last);
      let k = k0 + term + select(e, 0u, along);
      if (k < end) { lines[e] = a[(item * P.aBatch + i * P.aRow + k * P.aColumn) / 4u]; }
    }
    if (along) { lines = transposed(lines); }
    for (var e = 0u; e < 4u; e++) { rowTile[(term + e) * PITCH_M + quad] = lines[e]; }
  }
}

fn loadColumns(thread: u32, item: u32, j0: u32, k0: u32, end: u32) {
  let along = P.bRow == 1u;
  let last = select(P.n - 4u, P.n - 1u, along);
  for (var at = thread; at < STEP_QUADS * QUADS_N; at += THREADS) {
    let term = select(at / QUADS_N, at % STEP_QUADS, along) * 4u;
    let quad = select(at % QUADS_N, at / STEP_QUADS, along);
    var lines: array<T4, 4>;
    for (var e = 0u; e < 4u; e++) {
      let j = min(j0 + quad * 4u + select(0u, e, along), last);
      let k = k0 + term + select(e, 0u, along);
      if (k < end) { lines[e] = b[(item * P.bBatch + j * P.bColumn + k * P.bRow) / 4u]; }
    }
    if (along) { lines = transposed(lines); }
    for (var e = 0u; e < 4u; e++) { columnTile[(term + e) * PITCH_N + quad] = lines[e]; }
  }
}
