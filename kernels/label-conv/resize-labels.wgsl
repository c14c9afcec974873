// y[n, i, j] = labels[n, ⌊i · scaleY⌋, ⌊j · scaleX⌋], in f32 as PyTorch rounds it. A thread owns one label of y.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let line = t / P.oW;
  let image = line / P.oH;
  if (image >= P.n) { return; }
  let row = min(u32(f32(line - image * P.oH) * P.scaleY), P.h - 1u);
  let column = min(u32(f32(t - line * P.oW) * P.scaleX), P.w - 1u);
  y[t] = labels[(image * P.h + row) * P.w + column];
}
