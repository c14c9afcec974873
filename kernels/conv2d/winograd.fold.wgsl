// Winograd's weight gradient: dw[k, c] = Gᵀ · du[·, ·, k, c] · G.
//
// A thread owns one pair of channels.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let row = index / P.inChannels;
  let c = index % P.inChannels;
  let k = P.firstChannel + row;
  if (row >= P.rows || k >= P.outChannels) { return; }
  let distance = P.rows * P.width;
  var columns: array<array<f32, 3>, 6>;
  for (var j = 0u; j < 6u; j++) {
    var sums: array<f32, 6>;
    for (var i = 0u; i < 6u; i++) { sums[i] = du[(i * 6u + j) * distance + row * P.width + c]; }
    columns[j] = foldWeights(sums);
  }
  for (var ky = 0u; ky < 3u; ky++) {
    let taps = foldWeights(
      array<f32, 6>(columns[0][ky], columns[1][ky], columns[2][ky], columns[3][ky], columns[4][ky], columns[5][ky]),
    );
    for (var kx = 0u; kx < 3u; kx++) { dw[(k * P.inChannels + c) * 9u + ky * 3u + kx] = T(taps[kx]); }
  }
}
