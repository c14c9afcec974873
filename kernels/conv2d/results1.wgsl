// Four results of a row from column `ox` on, those inside it, stored one at a time. As a vector: results4.wgsl.
fn storeFour(at: u32, ox: u32, bias: f32, sums: array<f32, 4>) {
  y[at] = T(finish(sums[0], bias, at));
  if (ox + 1u < P.oW) { y[at + 1u] = T(finish(sums[1], bias, at + 1u)); }
  if (ox + 2u < P.oW) { y[at + 2u] = T(finish(sums[2], bias, at + 2u)); }
  if (ox + 3u < P.oW) { y[at + 3u] = T(finish(sums[3], bias, at + 3u)); }
}
