// Tiles of A and B out of single values: any extents. Threads that are neighbours load neighbours, along k or across it.
// Rows beyond the last are read as the last; what they give is not stored. Terms beyond the end are 0.
fn loadRows(thread: u32, item: u32, i0: u32, k0: u32, end: u32) {
  let along = P.aColumn == 1u;
  for (var unit = thread; unit < STEP * QUADS_M; unit += THREADS) {
    let term = select(unit / QUADS_M, unit % STEP, along);
    let quad = select(unit % QUADS_M, unit / STEP, along);
    var rows = T4();
    if (k0 + term < end) {
      let start = item * P.aBatch + (k0 + term) * P.aColumn;
      let at = P.aRow * min(vec4u(i0 + quad * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(P.m - 1u));
      rows = T4(a[start + at.x], a[start + at.y], a[start + at.z], a[start + at.w]);
    }
    rowTile[term * PITCH_M + quad] = rows;
  }
}

fn loadColumns(thread: u32, item: u32, j0: u32, k0: u32, end: u32) {
  let along = P.bRow == 1u;
  for (var unit = thread; unit < STEP * QUADS_N; unit += THREADS) {
    let term = select(unit / QUADS_N, unit % STEP, along);
    let quad = select(unit % QUADS_N, unit / STEP, along);
    var columns = T4();
    if (k0 + term < end) {
      let start = item * P.bBatch + (k0 + term) * P.bRow;
      let at = P.bColumn * min(vec4u(j0 + quad * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(P.n - 1u));
      columns = T4(b[start + at.x], b[start + at.y], b[start + at.z], b[start + at.w]);
    }
    columnTile[term * PITCH_N + quad] = columns;
  }
}
