// Four neighbours of a row, sums over all of k, are finished and stored as a vector: rows hold a multiple of four. Else:
// matrix-whole.wgsl.
fn storeFour(slot: u32, item: u32, i: u32, j: u32, sums: vec4f) {
  if (j >= P.n) { return; }
  y[((item * P.m + i) * P.n + j) / 4u] = T4(vec4f(
    finish(sums.x, i, j),
    finish(sums.y, i, j + 1u),
    finish(sums.z, i, j + 2u),
    finish(sums.w, i, j + 3u),
  ));
}
