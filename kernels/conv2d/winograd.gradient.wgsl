// Winograd's gradients of sums: dm[i, j, t, k] = A · d · Aᵀ of the 4 × 4 gradients d of results under tile t, in channel k;
// zero beyond the picture, the last tile and the last channel.
//
// A thread owns one tile of one channel; channels are neighbours, as the products over tiles read them.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let t = index / P.rows;
  let k = P.firstChannel + index % P.rows;
  if (t >= P.columns) { return; }
  let tile = P.startTile + t;
  let row = tile / P.tilesX;
  let image = row / P.tilesY;
  let ox = (tile - row * P.tilesX) * 4u;
  let oy = (row - image * P.tilesY) * 4u;
  let there = tile < P.tiles && k < P.outChannels;
  let start = (image * P.outChannels + k) * P.oH;

  var rows: array<array<f32, 6>, 4>;
  for (var a = 0u; a < 4u; a++) {
    var gradients: array<f32, 4>;
    for (var b = 0u; b < 4u; b++) {
      let inside = there && oy + a < P.oH && ox + b < P.oW;
      gradients[b] = select(0.0, f32(dy[select(0u, (start + oy + a) * P.oW + ox + b, inside)]), inside);
    }
    rows[a] = transformGradients(gradients);
  }
  let distance = P.rows * P.columns;
  for (var j = 0u; j < 6u; j++) {
    let column = transformGradients(array<f32, 4>(rows[0][j], rows[1][j], rows[2][j], rows[3][j]));
    for (var i = 0u; i < 6u; i++) { dm[(i * 6u + j) * distance + index] = column[i]; }
  }
}
