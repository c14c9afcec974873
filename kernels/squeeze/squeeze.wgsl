// Space to depth and back: fine [N, C, f·h, f·w] ↔ coarse [N, f²·C, h, w], a bijection, for any factor f.
//   coarse[n, (r·f + s)·P.offsetStep + c·P.channelStep, i, j] = fine[n, c, f·i + r, f·j + s]
// A thread moves one element; threads follow the fine side, so its rows are read or written in order.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let fine = groupIndex(group, groups) * WG + thread;
  if (fine >= P.count) { return; }
  let f = P.factor;
  let row = fine / P.width;
  let column = fine % P.width;
  let plane = row / P.height;
  let y = row % P.height;
  let channel = ((y % f) * f + column % f) * P.offsetStep + (plane % P.channels) * P.channelStep;
  let coarsePlane = (plane / P.channels) * P.channels * f * f + channel;
  let coarse = (coarsePlane * (P.height / f) + y / f) * (P.width / f) + column / f;
  if (TO_COARSE == 1u) { b[coarse] = a[fine]; } else { b[fine] = a[coarse]; }
}
