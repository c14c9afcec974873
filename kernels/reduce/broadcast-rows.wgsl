// y[o, r, i] = x[o, i] · scale: workgroups lie along x in a row of y, along y in r and along z in o. n2, the extent of i,
// counts vectors of four.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let row = (group.z * groups.y + group.y) * P.n2;
  let start = group.x * WG * P.span;
  let end = min(start + WG * P.span, P.n2);
  let source = group.z * P.n2;
  for (var i = start + local.x; i < end; i += WG) { y[row + i] = U4(vec4f(x[source + i]) * P.scale); }
}
