// Four neighbours of a row, sums over a slot of k, those inside it, are kept as they are, for matmul.sumParts to add.
fn storeFour(slot: u32, item: u32, i: u32, j: u32, sums: vec4f) {
  let at = ((slot * P.batch + item) * P.m + i) * P.n + j;
  if (j < P.n) { partial[at] = sums.x; }
  if (j + 1u < P.n) { partial[at + 1u] = sums.y; }
  if (j + 2u < P.n) { partial[at + 2u] = sums.z; }
  if (j + 3u < P.n) { partial[at + 3u] = sums.w; }
}
