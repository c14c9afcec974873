// mean[row] = origin + Σ_chunks sums / count, one thread a row.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let row = groupIndex(group, groups) * WG + t;
  if (row >= P.items * P.channels) { return; }
  var sum = 0.0;
  for (var chunk = 0u; chunk < P.chunks; chunk++) { sum += sums[row * P.chunks + chunk]; }
  mean[row] = origin[row] + sum / f32(max(count[row / P.channels], 1u));
}
