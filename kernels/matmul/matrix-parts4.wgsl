// Four neighbours of a row, sums over a slot of k, are kept as they are, for matmul.sumParts to add. Rows hold a multiple of four.
fn storeFour(slot: u32, item: u32, i: u32, j: u32, sums: vec4f) {
  if (j < P.n) { partial[(((slot * P.batch + item) * P.m + i) * P.n + j) / 4u] = sums; }
}
