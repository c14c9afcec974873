// y = f(a, b), element by element. A thread owns P.span units of 16 bytes of y, WG apart.
// MODE 0: a and b have y's shape. MODE 1: b is one number.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let start = groupIndex(group, groups) * WG * P.span;
  let end = min(start + WG * P.span, P.count);
  let swap = P.swap != 0u;
  for (var i = start + local.x; i < end; i += WG) {
    let u = a[i];
    if (MODE == 0u) {
      let v = b[i];
      y[i] = packed(swapped(first(u), first(v), swap), swapped(second(u), second(v), swap));
    } else {
      let v = vec4f(first(b[0]).x);
      y[i] = packed(swapped(first(u), v, swap), swapped(second(u), v, swap));
    }
  }
}
