// y = f(a, b), element by element, for any broadcast, by strides. A thread owns four neighbouring elements of y.

fn strided(i: u32, extents: array<u32, 5>, strides: array<u32, 5>) -> u32 {
  var rest = i;
  var offset = 0u;
  for (var axis = 5u; axis > 0u; axis--) {
    let extent = extents[axis - 1u];
    offset += (rest % extent) * strides[axis - 1u];
    rest /= extent;
  }
  return offset;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i >= P.count) { return; }
  var u: vec4f;
  var v: vec4f;
  let extents = array<u32, 5>(P.n0, P.n1, P.n2, P.n3, P.n4);
  for (var lane = 0u; lane < 4u; lane++) {
    let e = min(4u * i + lane, P.size - 1u);
    u[lane] = f32(a[strided(e, extents, array<u32, 5>(P.a0, P.a1, P.a2, P.a3, P.a4))]);
    v[lane] = f32(b[strided(e, extents, array<u32, 5>(P.b0, P.b1, P.b2, P.b3, P.b4))]);
  }
  y[i] = T4(apply(u, v));
}
