// Tiles of A and B out of vectors of four, along the axis in which each lies contiguously; its extent divides by four. A
// thread takes four vectors at once: four terms of a quad of rows where these are neighbours in memory; else a quad of terms
// of four rows, which it transposes. Rows beyond the last are read as the last; what they give is not stored. Terms beyond
// the end are 0.
const STEP_QUADS: u32 = STEP / 4u;

// without a branch, so that all lines are on their way at once
fn lineOfA(start: u32, i: u32, k: u32, end: u32) -> T4 {
  let row = min(i, P.m - select(4u, 1u, P.aColumn == 1u));
  let term = min(k, end - select(1u, 4u, P.aColumn == 1u));
  return select(T4(), a[(start + row * P.aRow + term * P.aColumn) / 4u], k < end);
}

fn lineOfB(start: u32, j: u32, k: u32, end: u32) -> T4 {
  let column = min(j, P.n - select(4u, 1u, P.bRow == 1u));
  let term = min(k, end - select(1u, 4u, P.bRow == 1u));
  return select(T4(), b[(start + column * P.bColumn + term * P.bRow) / 4u], k < end);
}

fn loadRows(thread: u32, item: u32, i0: u32, k0: u32, end: u32) {
  let along = P.aColumn == 1u;
  let di = select(0u, 1u, along);
  let dk = 1u - di;
  let start = item * P.aBatch;
  for (var unit = thread; unit < STEP_QUADS * QUADS_M; unit += THREADS) {
    let term = select(unit / QUADS_M, unit % STEP_QUADS, along) * 4u;
    let quad = select(unit % QUADS_M, unit / STEP_QUADS, along);
    let i = i0 + quad * 4u;
    let k = k0 + term;
    var lines = mat4x4<T>(
      lineOfA(start, i, k, end),
      lineOfA(start, i + di, k + dk, end),
      lineOfA(start, i + 2u * di, k + 2u * dk, end),
      lineOfA(start, i + 3u * di, k + 3u * dk, end),
    );
    if (along) { lines = transpose(lines); }
    rowTile[term * PITCH_M + quad] = lines[0];
    rowTile[(term + 1u) * PITCH_M + quad] = lines[1];
    rowTile[(term + 2u) * PITCH_M + quad] = lines[2];
    rowTile[(term + 3u) * PITCH_M + quad] = lines[3];
  }
}

// by the other half of the threads, where half of them are enough, so that nobody waits for rows first
fn loadColumns(thread: u32, item: u32, j0: u32, k0: u32, end: u32) {
  let along = P.bRow == 1u;
  let dj = select(0u, 1u, along);
  let dk = 1u - dj;
  let start = item * P.bBatch;
  for (var unit = (thread + THREADS / 2u) % THREADS; unit < STEP_QUADS * QUADS_N; unit += THREADS) {
    let term = select(unit / QUADS_N, unit % STEP_QUADS, along) * 4u;
    let quad = select(unit % QUADS_N, unit / STEP_QUADS, along);
    let j = j0 + quad * 4u;
    let k = k0 + term;
    var lines = mat4x4<T>(
      lineOfB(start, j, k, end),
      lineOfB(start, j + dj, k + dk, end),
      lineOfB(start, j + 2u * dj, k + 2u * dk, end),
      lineOfB(start, j + 3u * dj, k + 3u * dk, end),
    );
    if (along) { lines = transpose(lines); }
    columnTile[term * PITCH_N + quad] = lines[0];
    columnTile[(term + 1u) * PITCH_N + quad] = lines[1];
    columnTile[(term + 2u) * PITCH_N + quad] = lines[2];
    columnTile[(term + 3u) * PITCH_N + quad] = lines[3];
  }
}
