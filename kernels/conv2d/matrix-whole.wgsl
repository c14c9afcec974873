// Up to four pixels of a row of one phase, sums over all terms, are finished and stored one at a time. As a vector:
// matrix-whole4.wgsl.
fn storeFour(slot: u32, channel: u32, at: u32, count: u32, sums: vec4f) {
  let bias = biasAt(channel);
  let step = u32(P.outStepX);
  if (count > 0u) { y[at] = T(finish(sums.x, bias, at)); }
  if (count > 1u) { y[at + step] = T(finish(sums.y, bias, at + step)); }
  if (count > 2u) { y[at + 2u * step] = T(finish(sums.z, bias, at + 2u * step)); }
  if (count > 3u) { y[at + 3u * step] = T(finish(sums.w, bias, at + 3u * step)); }
}
