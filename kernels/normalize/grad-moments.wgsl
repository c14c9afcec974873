// (A, B) of grad-fused.wgsl for segment s of group g: P.chunk of its P.outer · P.length values (V), counted through the
// group. One workgroup a segment; a sum over the segments follows.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.groups * P.segments) { return; } // uniform across the workgroup
  let g = output / P.segments;
  let first = (output % P.segments) * P.chunk + t;
  let end = min(first - t + P.chunk, P.outer * P.length);
  let found = stats[g];
  // value k of the group is r values into its slab o; both advance without a division
  var o = first / P.length;
  var r = first % P.length;
  let slabs = WG / P.length;
  let rest = WG % P.length;
  var a = V();
  var b = V();
  for (var k = first; k < end; k += WG) {
    let i = (o * P.groups + g) * P.length + r;
    var e = V(dy[i]);
    if (AFFINE == 2u) { e *= weightAt(r); }
    a += e;
    b += e * normalised(V(v[i]), found);
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
  let sums = workgroupSum(t, vec2f(total(a), total(b)));
  if (t == 0u) { partial[output] = sums; }
}
