// y = finish(Σ_slot partial[slot]), in the order of the slots: the same bits at every run.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = groupIndex(group, groups) * WG + local.x;
  if (index >= P.results) { return; }
  var sum = 0.0;
  for (var slot = 0u; slot < P.slots; slot++) { sum += partial[slot * P.results + index]; }
  y[index] = T(finish(sum, biasAt(index / (P.oH * P.oW) % (P.groups * P.outChannels)), index));
}
