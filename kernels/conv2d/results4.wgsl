// Four results of a row, stored as a vector: rows hold a multiple of four. Else: results1.wgsl.
fn storeFour(at: u32, ox: u32, bias: f32, sums: array<f32, 4>) {
  y[at / 4u] = T4(vec4f(
    finish(sums[0], bias, at),
    finish(sums[1], bias, at + 1u),
    finish(sums[2], bias, at + 2u),
    finish(sums[3], bias, at + 3u),
  ));
}
