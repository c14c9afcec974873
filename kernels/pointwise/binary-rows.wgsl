// y = f(a, b), element by element, where a has y's shape [n0, n1, n2] and b a row of n2 values for some of the rows: its
// stride is 0 along axes that it lacks.
// Counts and strides are of vectors of four. Workgroups lie along x in a row, along y in n1 and along z in n0, so that
// nothing is divided and what a workgroup shares is read once.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let row = (group.z * groups.y + group.y) * P.n2;
  let place = group.z * P.b0 + group.y * P.b1;
  let start = group.x * WG * P.span;
  let end = min(start + WG * P.span, P.n2);
  let swap = P.swap != 0u;
  for (var i = start + local.x; i < end; i += WG) {
    y[row + i] = T4(swapped(vec4f(a[row + i]), vec4f(b[place + i]), swap));
  }
}
