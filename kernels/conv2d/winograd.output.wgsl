// Winograd's results: y[n, k, 4·ty + a, 4·tx + b] = finish((Aᵀ · m[k, t] · A)[a, b]) for the tile t = (n, ty, tx).
//
// A thread owns one tile of one channel of the part that is computed.
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
  let distance = P.rows * P.columns;
  var columns: array<array<f32, 4>, 6>;
  for (var j = 0u; j < 6u; j++) {
    var sums: array<f32, 6>;
    for (var i = 0u; i < 6u; i++) { sums[i] = m[(i * 6u + j) * distance + index]; }
    columns[j] = transformSums(sums);
  }
  let tileRow = tile / P.tilesX;
  let image = tileRow / P.tilesY;
  let ox = (tile - tileRow * P.tilesX) * 4u;
  let oy = (tileRow - image * P.tilesY) * 4u;
  let bias = biasAt(k);
  let start = ((image * P.outChannels + k) * P.oH + oy) * P.oW + ox;
  for (var a = 0u; a < 4u; a++) {
    let results = transformSums(
      array<f32, 6>(columns[0][a], columns[1][a], columns[2][a], columns[3][a], columns[4][a], columns[5][a]),
    );
    for (var b = 0u; b < 4u; b++) {
      let at = start + a * P.oW + b;
      if (oy + a < P.oH && ox + b < P.oW) { y[at] = T(finish(results[b], bias, at)); }
    }
  }
}
