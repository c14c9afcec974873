// Winograd's weights: u[i, j, c, k] = G · weight[k, c] · Gᵀ for one part of the output channels k, zero for the rows that
// fill up its last block.
//
// A thread owns one pair of channels, a workgroup 16 output by WG / 16 input channels, so that neighbours read and store near
// each other, however the weight lies. Where taps run backwards, in an input gradient, the weight is read backwards.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let blocks = (P.rows + 15u) / 16u;
  let block = groupIndex(group, groups);
  let row = block % blocks * 16u + local.x % 16u;
  let c = block / blocks * (WG / 16u) + local.x / 16u;
  if (row >= P.rows || c >= P.inChannels) { return; }
  let k = P.firstChannel + row;
  let at = min(k, P.outChannels - 1u) * P.weightOut + c * P.weightIn;
  let factor = select(0.0, 1.0, k < P.outChannels);
  let left = columnOf(at, 0u, factor);
  let middle = columnOf(at, 1u, factor);
  let right = columnOf(at, 2u, factor);
  let index = c * P.rows + row;
  storeRow(index, 0u, array<f32, 3>(left[0], middle[0], right[0]));
  storeRow(index, 1u, array<f32, 3>(left[1], middle[1], right[1]));
  storeRow(index, 2u, array<f32, 3>(left[2], middle[2], right[2]));
  storeRow(index, 3u, array<f32, 3>(left[3], middle[3], right[3]));
  storeRow(index, 4u, array<f32, 3>(left[4], middle[4], right[4]));
  storeRow(index, 5u, array<f32, 3>(left[5], middle[5], right[5]));
}

fn columnOf(at: u32, kx: u32, factor: f32) -> array<f32, 6> {
  let column = at + select(kx, 2u - kx, P.flipX != 0u);
  let top = select(0u, 6u, P.flipY != 0u);
  return transformWeights(array<f32, 3>(
    factor * f32(weight[column + top]),
    factor * f32(weight[column + 3u]),
    factor * f32(weight[column + 6u - top]),
  ));
}

fn storeRow(index: u32, i: u32, taps: array<f32, 3>) {
  let row = transformWeights(taps);
  let distance = P.inChannels * P.rows;
  let at = i * 6u * distance + index;
  u[at] = row[0];
  u[at + distance] = row[1];
  u[at + 2u * distance] = row[2];
  u[at + 3u * distance] = row[3];
  u[at + 4u * distance] = row[4];
  u[at + 5u * distance] = row[5];
}
