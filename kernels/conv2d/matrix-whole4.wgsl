// Four pixels of a row, sums over all terms, are finished and stored as a vector: rows hold a multiple of four, and there is
// one phase. Else: matrix-whole.wgsl.
fn storeFour(slot: u32, channel: u32, at: u32, count: u32, sums: vec4f) {
  if (count == 0u) { return; }
  let bias = biasAt(channel);
  y[at / 4u] = T4(vec4f(
    finish(sums.x, bias, at),
    finish(sums.y, bias, at + 1u),
    finish(sums.z, bias, at + 2u),
    finish(sums.w, bias, at + 3u),
  ));
}
