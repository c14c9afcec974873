// dx of grad-fused.wgsl with known A and B, for segment s of group g: P.chunk of its P.outer · P.length values (V),
// counted through the group. One workgroup a segment.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.groups * P.segments) { return; }
  let g = output / P.segments;
  let first = (output % P.segments) * P.chunk + t;
  let end = min(first - t + P.chunk, P.outer * P.length);
  let found = stats[g];
  let means = sums[g] * P.inverseCount;
  var scale = found.z;
  if (AFFINE == 1u) {
    let c = g % P.channels;
    scale *= lane(weightAt(c / LANES), c % LANES);
  }
  // value k of the group is r values into its slab o; both advance without a division
  var o = first / P.length;
  var r = first % P.length;
  let slabs = WG / P.length;
  let rest = WG % P.length;
  for (var k = first; k < end; k += WG) {
    let i = (o * P.groups + g) * P.length + r;
    var e = V(dy[i]);
    if (AFFINE == 2u) { e *= weightAt(r); }
    dx[i] = VT(scale * (e - (means.x + normalised(V(v[i]), found) * means.y)));
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
}
