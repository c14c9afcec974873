// The transpose of gather.wgsl: x[o, r, i] = Σ y[o, k, i] over those k with index[o, k, i] = r, in rising order.
// A thread owns one element of x: no two threads write one place, and the order never varies.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let line = t / P.inner;
  let o = line / P.rows;
  if (o >= P.outer) { return; }
  let row = line - o * P.rows;
  var at = o * P.count * P.inner + t - line * P.inner;
  var sum = 0.0;
  for (var k = 0u; k < P.count; k++) {
    if (index[at] == row) { sum += f32(y[at]); }
    at += P.inner;
  }
  x[t] = T(sum);
}
