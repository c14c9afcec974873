// y = x, rounded from f32 to f16. A thread owns P.span units of eight elements, WG apart.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let start = groupIndex(group, groups) * WG * P.span;
  let end = min(start + WG * P.span, P.count);
  for (var i = start + local.x; i < end; i += WG) { y[i] = packed(x[2u * i], x[2u * i + 1u]); }
}
