// Four neighbours of a row, those inside it, stored one at a time; as a vector: tiled-whole4.wgsl, tiled-parts4.wgsl.
fn storeFour(slot: u32, item: u32, i: u32, j: u32, sums: vec4f) {
  store(slot, item, i, j, sums.x);
  if (j + 1u < P.n) { store(slot, item, i, j + 1u, sums.y); }
  if (j + 2u < P.n) { store(slot, item, i, j + 2u, sums.z); }
  if (j + 3u < P.n) { store(slot, item, i, j + 3u, sums.w); }
}
