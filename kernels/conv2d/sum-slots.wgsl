// y[i] = Σ_slot partial[slot, i], in the order of the slots: the same bits at every run.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  var sum = 0.0;
  for (var slot = 0u; slot < P.slots; slot++) { sum += partial[slot * P.count + i]; }
  y[i] = T(sum);
}
