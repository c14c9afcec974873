// The place of an element in its tensor → its index among the reduced axes: the tensor is [n0, n1, n2, n3, n4], and the
// reduced of these axes have i0 … i4 as strides of the index, the others 0.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let o = groupIndex(group, groups) * WG + thread;
  if (o >= P.count) { return; }
  let extents = array<u32, 5>(P.n0, P.n1, P.n2, P.n3, P.n4);
  let strides = array<u32, 5>(P.i0, P.i1, P.i2, P.i3, P.i4);
  var rest = places[o];
  var index = 0u;
  for (var axis = 5u; axis > 0u; axis--) {
    index += (rest % extents[axis - 1u]) * strides[axis - 1u];
    rest /= extents[axis - 1u];
  }
  y[o] = index;
}
