// x = Σ of P.chunks partial sums, in their order. A thread owns four neighbouring elements.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  var sum = vec4f();
  var at = i;
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    sum += partial[at];
    at += P.count;
  }
  x[i] = T4(sum);
}
