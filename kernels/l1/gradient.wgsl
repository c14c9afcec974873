// y = scale · g · sign(a − b), g one number. A thread owns P.span vectors, WG apart.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let start = groupIndex(group, groups) * WG * P.span;
  let end = min(start + WG * P.span, P.count);
  let factor = P.scale * g[0];
  for (var i = start + local.x; i < end; i += WG) { y[i] = VT(factor * sign(V(a[i]) - V(b[i]))); }
}
