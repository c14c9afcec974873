// y = −w[label] · x[n, label, i] and weights = w[label], 0 where the label is P.ignoreIndex. Any other label beyond the
// classes gives NaN: a wrong label must not pass for a small loss. One thread a label.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let at = groupIndex(group, groups) * WG + thread;
  if (at >= P.count) { return; }
  let label = labels[at];
  var w = 0.0;
  var loss = 0.0;
  if (label != P.ignoreIndex) {
    w = P.nan;
    loss = P.nan;
    if (label < P.classes) {
      w = 1.0;
      if (WEIGHTED == 1u) { w = weightAt(label); }
      loss = -w * f32(x[((at / P.inner) * P.classes + label) * P.inner + at % P.inner]);
    }
  }
  y[at] = T(loss);
  weights[at] = T(w);
}
