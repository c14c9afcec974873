// Four neighbours of a row, sums over all of k, those inside it, are finished and stored one at a time. As a vector:
// matrix-whole4.wgsl.
fn storeFour(slot: u32, item: u32, i: u32, j: u32, sums: vec4f) {
  let at = (item * P.m + i) * P.n + j;
  if (j < P.n) { y[at] = T(finish(sums.x, i, j)); }
  if (j + 1u < P.n) { y[at + 1u] = T(finish(sums.y, i, j + 1u)); }
  if (j + 2u < P.n) { y[at + 2u] = T(finish(sums.z, i, j + 2u)); }
  if (j + 3u < P.n) { y[at + 3u] = T(finish(sums.w, i, j + 3u)); }
}
