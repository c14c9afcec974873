// Winograd's pixels for GPUs: v[i, j, c, t] = Bᵀ · d · B of the 6 × 6 pixels d under tile t of 4 × 4 results, in channel c.
//
// A thread owns one tile of one channel; tiles are numbered along rows and through all images, so that neighbours read
// neighbours and store neighbours. Everything is written out: no loop and no variable index, which some compilers would keep
// in memory. How a row of six is read is said by pixels1.wgsl and pixels4.wgsl.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let c = index / P.columns;
  if (c >= P.inChannels) { return; }
  let tile = min(P.startTile + index % P.columns, P.tiles - 1u);
  let row = tile / P.tilesX;
  let image = row / P.tilesY;
  let left = i32((tile - row * P.tilesX) * 4u) + P.windowX;
  let top = i32((row - image * P.tilesY) * 4u) + P.windowY;
  let plane = (image * P.inChannels + c) * P.h;

  let r0 = rowAt(plane, top, left);
  let r1 = rowAt(plane, top + 1, left);
  let r2 = rowAt(plane, top + 2, left);
  let r3 = rowAt(plane, top + 3, left);
  let r4 = rowAt(plane, top + 4, left);
  let r5 = rowAt(plane, top + 5, left);
  storeColumn(index, 0u, array<f32, 6>(r0[0], r1[0], r2[0], r3[0], r4[0], r5[0]));
  storeColumn(index, 1u, array<f32, 6>(r0[1], r1[1], r2[1], r3[1], r4[1], r5[1]));
  storeColumn(index, 2u, array<f32, 6>(r0[2], r1[2], r2[2], r3[2], r4[2], r5[2]));
  storeColumn(index, 3u, array<f32, 6>(r0[3], r1[3], r2[3], r3[3], r4[3], r5[3]));
  storeColumn(index, 4u, array<f32, 6>(r0[4], r1[4], r2[4], r3[4], r4[4], r5[4]));
  storeColumn(index, 5u, array<f32, 6>(r0[5], r1[5], r2[5], r3[5], r4[5], r5[5]));
}

fn rowAt(plane: u32, iy: i32, left: i32) -> array<f32, 6> {
  let start = (plane + u32(padded(iy, i32(P.h), P.padMode))) * P.w;
  return transformPixels(sixPixels(start, left, P.padMode != 0u || !outside(iy, i32(P.h))));
}

// A pixel of the row that starts at `start`, padded along the row.
fn pixelAt(start: u32, ix: i32, rowInside: bool) -> f32 {
  let inside = rowInside && (P.padMode != 0u || !outside(ix, i32(P.w)));
  return select(0.0, storedPixel(start + u32(padded(ix, i32(P.w), P.padMode))), inside);
}

fn storeColumn(index: u32, j: u32, pixels: array<f32, 6>) {
  let column = transformPixels(pixels);
  let distance = P.inChannels * P.columns;
  let at = j * distance + index;
  v[at] = column[0];
  v[at + 6u * distance] = column[1];
  v[at + 12u * distance] = column[2];
  v[at + 18u * distance] = column[3];
  v[at + 24u * distance] = column[4];
  v[at + 30u * distance] = column[5];
}
