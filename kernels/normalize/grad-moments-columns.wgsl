// (A, B) of grad-fused.wgsl where groups come in short slabs (length counts V): one thread a place in the slab and
// segment, over slabs s, s + S, s + 2S … (S segments). A sum over the S · length parts of a group follows.
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
  let found = stats[g];
  var a = V();
  var b = V();
  for (var o = segment; o < P.outer; o += P.segments) {
    let i = o * width + column;
    let e = V(dy[i]);
    a += e;
    b += e * normalised(V(v[i]), found);
  }
  partial[(g * P.segments + segment) * P.length + column % P.length] = vec2f(total(a), total(b));
}
