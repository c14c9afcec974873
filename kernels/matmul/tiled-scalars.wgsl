// Tiles of A and B out of single values: any extents. Threads that are neighbours load neighbours, along k or across it.
// Rows beyond the last are read as the last; what they give is not stored. Terms beyond the end are 0.
fn loadRows(thread: u32, item: u32, i0: u32, k0: u32, end: u32) {
  let along = P.aColumn == 1u;
  for (var at = thread; at < STEP * QUADS_M; at += THREADS) {
    let term = select(at / QUADS_M, at % STEP, along);
    let quad = select(at % QUADS_M, at / STEP, along);
    var rows = T4();
    if (k0 + term < end) {
      let start = item * P.aBatch + (k0 + term) * P.aColumn;
      for (var e = 0u; e < 4u; e++) { rows[e] = a[start + min(i0 + quad * 4u + e, P.m - 1u) * P.aRow]; }
    }
    rowTile[term * PITCH_M + quad] = rows;
  }
}

fn loadColumns(thread: u32, item: u32, j0: u32, k0: u32, end: u32) {
  let along = P.bRow == 1u;
  for (var at = thread; at < STEP * QUADS_N; at += THREADS) {
    let term = select(at / QUADS_N, at % STEP, along);
    let quad = select(at % QUADS_N, at / STEP, along);
    var columns = T4();
    if (k0 + term < end) {
      let start = item * P.bBatch + (k0 + term) * P.bRow;
      for (var e = 0u; e < 4u; e++) { columns[e] = b[start + min(j0 + quad * 4u + e, P.n - 1u) * P.bColumn]; }
    }
    columnTile[term * PITCH_N + quad] = columns;
  }
}
