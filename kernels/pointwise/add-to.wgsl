// y = base + x, where x may have another storage type. A thread owns P.span vectors of four, WG apart.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let start = groupIndex(group, groups) * WG * P.span;
  let end = min(start + WG * P.span, P.count);
  for (var i = start + local.x; i < end; i += WG) { y[i] = U4(vec4f(base[i]) + vec4f(x[i])); }
}
