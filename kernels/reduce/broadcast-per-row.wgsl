// y[o, i] = x[o] · scale: workgroups lie along x in a row of y, and along z in o. n2, the extent of i, counts vectors of
// four.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let row = (group.z * groups.y + group.y) * P.n2;
  let start = group.x * WG * P.span;
  let end = min(start + WG * P.span, P.n2);
  let v = U4(vec4f(f32(x[group.z]) * P.scale));
  for (var i = start + local.x; i < end; i += WG) { y[row + i] = v; }
}
