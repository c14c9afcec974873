// Winograd's pixels: v[i, j, c, t] = Bᵀ · d · B of the 6 × 6 pixels d under tile t of 4 × 4 results, in channel c; for the
// weight gradient v[i, j, t, c], as its products over tiles read them.
//
// A thread owns one tile of one channel; tiles are numbered along rows and through all images. Padding is an index map in
// the load.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let outer = index / P.width;
  let inner = index % P.width;
  if (outer >= select(P.inChannels, P.columns, P.byTile != 0u)) { return; }
  let c = select(outer, min(inner, P.inChannels - 1u), P.byTile != 0u);
  let tile = min(P.startTile + select(inner, outer, P.byTile != 0u), P.tiles - 1u);
  let row = tile / P.tilesX;
  let image = row / P.tilesY;
  let x0 = i32((tile - row * P.tilesX) * 4u) + P.windowX;
  let y0 = i32((row - image * P.tilesY) * 4u) + P.windowY;
  let height = i32(P.h);
  let width = i32(P.w);
  let plane = (image * P.inChannels + c) * P.h;

  var at: array<u32, 6>;
  var inside: array<bool, 6>;
  for (var j = 0u; j < 6u; j++) {
    let ix = x0 + i32(j);
    at[j] = u32(padded(ix, width, P.padMode));
    inside[j] = P.padMode != 0u || !outside(ix, width);
  }
  var rows: array<array<f32, 6>, 6>;
  for (var i = 0u; i < 6u; i++) {
    let iy = y0 + i32(i);
    let start = (plane + u32(padded(iy, height, P.padMode))) * P.w;
    let rowInside = P.padMode != 0u || !outside(iy, height);
    var pixels: array<f32, 6>;
    for (var j = 0u; j < 6u; j++) { pixels[j] = select(0.0, f32(x[start + at[j]]), rowInside && inside[j]); }
    rows[i] = transformPixels(pixels);
  }
  let distance = select(P.inChannels, P.columns, P.byTile != 0u) * P.width;
  for (var j = 0u; j < 6u; j++) {
    let column = transformPixels(array<f32, 6>(rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]));
    for (var i = 0u; i < 6u; i++) { v[(i * 6u + j) * distance + index] = column[i]; }
  }
}
