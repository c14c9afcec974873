// Winograd's weights: u[i, j, c, k] = G · weight[k, c] · Gᵀ for one part of the output channels k, zero for the rows that
// fill up its last block.
//
// A thread owns one pair of channels. Where taps run backwards, in an input gradient, the weight is read backwards.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  let c = index / P.rows;
  let k = P.firstChannel + index % P.rows;
  if (c >= P.inChannels) { return; }
  let start = min(k, P.outChannels - 1u) * P.weightOut + c * P.weightIn;
  let factor = select(0.0, 1.0, k < P.outChannels);

  var taps: array<array<f32, 3>, 3>; // [kx][ky]
  for (var ky = 0u; ky < 3u; ky++) {
    for (var kx = 0u; kx < 3u; kx++) {
      taps[kx][ky] = factor * f32(weight[start + select(ky, 2u - ky, P.flipY != 0u) * 3u + select(kx, 2u - kx, P.flipX != 0u)]);
    }
  }
  var columns: array<array<f32, 6>, 3>;
  for (var kx = 0u; kx < 3u; kx++) { columns[kx] = transformWeights(taps[kx]); }
  let distance = P.inChannels * P.rows;
  for (var i = 0u; i < 6u; i++) {
    let row = transformWeights(array<f32, 3>(columns[0][i], columns[1][i], columns[2][i]));
    for (var j = 0u; j < 6u; j++) { u[(i * 6u + j) * distance + index] = row[j]; }
  }
}
