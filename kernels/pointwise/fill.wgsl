// y = P.value everywhere; a thread owns P.span units of 16 bytes, WG apart.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let start = groupIndex(group, groups) * WG * P.span;
  let end = min(start + WG * P.span, P.count);
  let value = packed(vec4f(P.value), vec4f(P.value));
  for (var i = start + local.x; i < end; i += WG) { y[i] = value; }
}
