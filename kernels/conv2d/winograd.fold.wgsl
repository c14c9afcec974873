// Winograd's weight gradient: dw[k, c] = Gᵀ · du[·, ·, k, c] · G.
//
// A thread owns one pair of channels. Everything is written out, as in winograd.pixels.wgsl.
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
  let first = row * P.width + c;
  let c0 = columnAt(first, 0u);
  let c1 = columnAt(first, 1u);
  let c2 = columnAt(first, 2u);
  let c3 = columnAt(first, 3u);
  let c4 = columnAt(first, 4u);
  let c5 = columnAt(first, 5u);
  let at = (k * P.inChannels + c) * 9u;
  storeTaps(at, array<f32, 6>(c0[0], c1[0], c2[0], c3[0], c4[0], c5[0]));
  storeTaps(at + 3u, array<f32, 6>(c0[1], c1[1], c2[1], c3[1], c4[1], c5[1]));
  storeTaps(at + 6u, array<f32, 6>(c0[2], c1[2], c2[2], c3[2], c4[2], c5[2]));
}

fn columnAt(first: u32, j: u32) -> array<f32, 3> {
  let distance = P.rows * P.width;
  let at = j * distance + first;
  return foldWeights(array<f32, 6>(
    du[at],
    du[at + 6u * distance],
    du[at + 12u * distance],
    du[at + 18u * distance],
    du[at + 24u * distance],
    du[at + 30u * distance],
  ));
}

fn storeTaps(at: u32, sums: array<f32, 6>) {
  let taps = foldWeights(sums);
  dw[at] = T(taps[0]);
  dw[at + 1u] = T(taps[1]);
  dw[at + 2u] = T(taps[2]);
}
