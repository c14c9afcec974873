// Adam over flat buffers, in place; a thread owns four parameters. control = (gradient scale, 1 to update or 0 to skip).
//
//   g ← scale·g + weightDecay·p        m ← β1 m + (1 − β1) g        v ← β2 v + (1 − β2) g²
//   p ← p − stepSize · m / (√v / rootCorrection2 + eps)             stepSize = lr / (1 − β1^t)
//
// Decoupled weight decay (AdamW) shrinks p by lr·weightDecay instead of adding to g. Kingma and Ba 2015, algorithm 1.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count || control[1] == 0.0) { return; }
  let before = param[i];
  let g = control[0] * grad[i] + P.weightDecay * before;
  let m = P.beta1 * moment1[i] + (1.0 - P.beta1) * g;
  let v = P.beta2 * moment2[i] + (1.0 - P.beta2) * g * g;
  moment1[i] = m;
  moment2[i] = v;
  param[i] = before * P.keep - P.stepSize * m / (sqrt(v) / P.rootCorrection2 + P.eps);
}
