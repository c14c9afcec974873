// y = activation(Σ_slot partial[slot] + bias), in the order of the slots: the same bits at every run.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let count = P.batch * P.m * P.n;
  let index = groupIndex(group, groups) * WG + local.x;
  if (index >= count) { return; }
  var sum = 0.0;
  for (var slot = 0u; slot < P.slots; slot++) { sum += partial[slot * count + index]; }
  y[index] = T(finish(sum, index / P.n % P.m, index % P.n));
}
