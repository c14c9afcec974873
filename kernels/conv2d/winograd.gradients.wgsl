// Winograd's gradients of sums for GPUs: dm[i, j, k, t] = A · d · Aᵀ of the 4 × 4 gradients d of results under tile t, in
// channel k; zero beyond the picture, the last tile and the last channel.
//
// A thread owns one tile of one channel; tiles are neighbours. Everything is written out, as in winograd.pixels.wgsl. How
// four neighbours are read is said by dy1.wgsl and dy4.wgsl.
alias E = f32;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let row = index / P.columns;
  if (row >= P.rows) { return; }
  let k = P.firstChannel + row;
  let tile = P.startTile + index % P.columns;
  let tileRow = tile / P.tilesX;
  let image = tileRow / P.tilesY;
  let ox = (tile - tileRow * P.tilesX) * 4u;
  let oy = (tileRow - image * P.tilesY) * 4u;
  let start = ((image * P.outChannels + k) * P.oH + oy) * P.oW + ox;
  let height = select(0u, P.oH - oy, tile < P.tiles && k < P.outChannels);

  let r0 = rowAt(start, ox, height > 0u);
  let r1 = rowAt(start + P.oW, ox, height > 1u);
  let r2 = rowAt(start + 2u * P.oW, ox, height > 2u);
  let r3 = rowAt(start + 3u * P.oW, ox, height > 3u);
  storeColumn(index, 0u, array<f32, 4>(r0[0], r1[0], r2[0], r3[0]));
  storeColumn(index, 1u, array<f32, 4>(r0[1], r1[1], r2[1], r3[1]));
  storeColumn(index, 2u, array<f32, 4>(r0[2], r1[2], r2[2], r3[2]));
  storeColumn(index, 3u, array<f32, 4>(r0[3], r1[3], r2[3], r3[3]));
  storeColumn(index, 4u, array<f32, 4>(r0[4], r1[4], r2[4], r3[4]));
  storeColumn(index, 5u, array<f32, 4>(r0[5], r1[5], r2[5], r3[5]));
}

fn rowAt(at: u32, ox: u32, inside: bool) -> array<f32, 6> {
  let four = dyQuad(at, select(0u, min(P.oW - ox, 4u), inside));
  return transformGradients(array<f32, 4>(four.x, four.y, four.z, four.w));
}

fn storeColumn(index: u32, j: u32, gradients: array<f32, 4>) {
  let column = transformGradients(gradients);
  let distance = P.rows * P.columns;
  let at = j * distance + index;
  dm[at] = column[0];
  dm[at + 6u * distance] = column[1];
  dm[at + 12u * distance] = column[2];
  dm[at + 18u * distance] = column[3];
  dm[at + 24u * distance] = column[4];
  dm[at + 30u * distance] = column[5];
}
