// y[o, c, i] = 1 where labels[o, i] = c, 0 elsewhere; a label past the classes has no 1.
// A thread owns one label and STRIP neighbouring classes; neighbouring threads own neighbouring labels.
const STRIP = 8u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let strips = (P.classes + STRIP - 1u) / STRIP;
  let line = t / P.inner;
  let i = t - line * P.inner;
  let o = line / strips;
  if (o >= P.outer) { return; }
  let first = (line - o * strips) * STRIP;
  let label = labels[o * P.inner + i];
  var at = (o * P.classes + first) * P.inner + i;
  let end = min(first + STRIP, P.classes);
  for (var c = first; c < end; c++) {
    y[at] = T(select(0.0, 1.0, c == label));
    at += P.inner;
  }
}
