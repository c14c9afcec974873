// dx[n, c, i] = −dy[n, i] · w[c] where c is the label, 0 elsewhere. One thread an element of dx.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let e = groupIndex(group, groups) * WG + thread;
  if (e >= P.count) { return; }
  let row = e / P.inner;
  let c = row % P.classes;
  let at = (row / P.classes) * P.inner + (e - row * P.inner);
  var v = 0.0;
  if (labels[at] == c && c != P.ignoreIndex) {
    v = -f32(dy[at]);
    if (WEIGHTED == 1u) { v *= weightAt(c); }
  }
  dx[e] = T(v);
}
