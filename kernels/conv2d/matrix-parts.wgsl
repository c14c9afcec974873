// Up to four pixels of a row of one phase, sums over a slot of terms, are kept as they are, for conv2d.sumParts to add.
fn storeFour(slot: u32, channel: u32, at: u32, count: u32, sums: vec4f) {
  let first = slot * P.results + at;
  let step = u32(P.outStepX);
  if (count > 0u) { partial[first] = sums.x; }
  if (count > 1u) { partial[first + step] = sums.y; }
  if (count > 2u) { partial[first + 2u * step] = sums.z; }
  if (count > 3u) { partial[first + 3u * step] = sums.w; }
}
