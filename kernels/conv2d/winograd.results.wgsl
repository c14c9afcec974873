// Winograd's results for GPUs: y[n, k, 4·ty + a, 4·tx + b] = finish((Aᵀ · m[k, t] · A)[a, b]) for the tile t = (n, ty, tx).
//
// A thread owns one tile of one channel of the part that is computed. Everything is written out, as in winograd.pixels.wgsl.
// How four neighbours are stored is said by results1.wgsl and results4.wgsl.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let row = index / P.columns;
  let k = P.firstChannel + row;
  let tile = P.startTile + index % P.columns;
  if (row >= P.rows || k >= P.outChannels || tile >= P.tiles) { return; }
  let tileRow = tile / P.tilesX;
  let image = tileRow / P.tilesY;
  let ox = (tile - tileRow * P.tilesX) * 4u;
  let oy = (tileRow - image * P.tilesY) * 4u;
  let start = ((image * P.outChannels + k) * P.oH + oy) * P.oW + ox;
  let bias = biasAt(k);

  let c0 = columnAt(index, 0u);
  let c1 = columnAt(index, 1u);
  let c2 = columnAt(index, 2u);
  let c3 = columnAt(index, 3u);
  let c4 = columnAt(index, 4u);
  let c5 = columnAt(index, 5u);
  storeRow(start, oy, ox, bias, array<f32, 6>(c0[0], c1[0], c2[0], c3[0], c4[0], c5[0]));
  storeRow(start + P.oW, oy + 1u, ox, bias, array<f32, 6>(c0[1], c1[1], c2[1], c3[1], c4[1], c5[1]));
  storeRow(start + 2u * P.oW, oy + 2u, ox, bias, array<f32, 6>(c0[2], c1[2], c2[2], c3[2], c4[2], c5[2]));
  storeRow(start + 3u * P.oW, oy + 3u, ox, bias, array<f32, 6>(c0[3], c1[3], c2[3], c3[3], c4[3], c5[3]));
}

fn columnAt(index: u32, j: u32) -> array<f32, 4> {
  let distance = P.rows * P.columns;
  let at = j * distance + index;
  return transformSums(array<f32, 6>(
    m[at],
    m[at + 6u * distance],
    m[at + 12u * distance],
    m[at + 18u * distance],
    m[at + 24u * distance],
    m[at + 30u * distance],
  ));
}

fn storeRow(at: u32, oy: u32, ox: u32, bias: f32, sums: array<f32, 6>) {
  if (oy < P.oH) { storeFour(at, ox, bias, transformSums(sums)); }
}
