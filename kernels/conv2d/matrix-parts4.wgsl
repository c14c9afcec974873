// Four pixels of a row, sums over a slot of terms, are kept as they are, for conv2d.sumParts to add. Rows hold a multiple of
// four, and there is one phase.
fn storeFour(slot: u32, channel: u32, at: u32, count: u32, sums: vec4f) {
  if (count > 0u) { partial[(slot * P.results + at) / 4u] = sums; }
}
