// y = f(a, b), element by element, where a has y's shape [n0, n1, n2] and b lacks some of these axes (its stride there
// is 0): biases, per-channel factors, masks. A thread owns four neighbouring elements of y.
// MODE 0: n2 is a multiple of four and b lacks it. MODE 1: n2 is a multiple of four and b has it. MODE 2: any.

fn offsetOf(e: u32) -> u32 {
  let row = e / P.n2;
  return (row / P.n1) * P.b0 + (row % P.n1) * P.b1 + (e - row * P.n2) * P.b2;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  let u = vec4f(a[i]);
  var v: vec4f;
  if (MODE == 0u) {
    v = vec4f(f32(b[offsetOf(4u * i)]));
  } else if (MODE == 1u) {
    let at = offsetOf(4u * i);
    v = vec4f(vec4(b[at], b[at + 1u], b[at + 2u], b[at + 3u]));
  } else {
    for (var lane = 0u; lane < 4u; lane++) { v[lane] = f32(b[offsetOf(min(4u * i + lane, P.size - 1u))]); }
  }
  y[i] = T4(swapped(u, v, P.swap != 0u));
}
