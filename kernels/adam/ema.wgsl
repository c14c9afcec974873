// average ← average + (1 − decay) (param − average) over flat buffers, in place; nothing where control forbids the update.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count || control[1] == 0.0) { return; }
  average[i] += (1.0 - P.decay) * (param[i] - average[i]);
}
