// A sum over a slot of k is kept as it is, for matmul.sumParts to add.
fn store(slot: u32, item: u32, i: u32, j: u32, sum: f32) {
  partial[((slot * P.batch + item) * P.m + i) * P.n + j] = sum;
}
