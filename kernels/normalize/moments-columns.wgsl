// (S, Q) about the group's shift where groups come in short slabs (length counts V): one thread a place in the slab and
// segment, over slabs s, s + S, s + 2S … (S segments). Neighbouring threads read neighbouring values. `finish` adds the
// S · length parts of a group.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let output = groupIndex(group, groups) * WG + thread;
  let width = P.groups * P.length;
  if (output >= width * P.segments) { return; }
  let segment = output / width;
  let column = output % width;
  let g = column / P.length;
  let shift = shiftOf(g);
  var s = V();
  var q = V();
  for (var o = segment; o < P.outer; o += P.segments) {
    let e = V(x[o * width + column]) - shift;
    s += e;
    q += e * e;
  }
  let part = (g * P.segments + segment) * P.length + column % P.length;
  partial[part] = vec4f(shift, total(s), total(q), 0.0);
}
