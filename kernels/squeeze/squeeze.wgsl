// Space to depth and back: fine [N, C, f·h, f·w] ↔ coarse [N, f²·C, h, w], a bijection, for any factor f.
//   coarse[n, (r·f + s)·P.offsetStep + c·P.channelStep, i, j] = fine[n, c, f·i + r, f·j + s]
// A thread owns one coarse column j of STRIP coarse rows and moves the f² elements of each, so that indices advance by
// additions alone; neighbouring threads own neighbouring columns.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  if (t >= P.count) { return; }
  let f = P.factor;
  let h = P.height / f;
  let w = P.width / f;
  let strips = (h + STRIP - 1u) / STRIP;
  let j = t % w;
  let strip = (t / w) % strips;
  let plane = t / (w * strips);
  let batch = plane / P.channels;
  let channel = plane % P.channels;
  let first = strip * STRIP;
  var fine = (plane * P.height + first * f) * P.width + j * f;
  var corner = ((batch * f * f * P.channels + channel * P.channelStep) * h + first) * w + j;
  let offset = P.offsetStep * h * w;
  let end = min(first + STRIP, h);
  for (var i = first; i < end; i++) {
    var coarse = corner;
    for (var r = 0u; r < f; r++) {
      for (var s = 0u; s < f; s++) {
        if (TO_COARSE == 1u) { b[coarse] = a[fine + s]; } else { b[fine + s] = a[coarse]; }
        coarse += offset;
      }
      fine += P.width;
    }
    corner += w;
  }
}
