// dx of grad-fused.wgsl with known A and B, elementwise over [outer, groups, length], length counting V. For
// short slabs, whose weights vary with the group if at all (AFFINE 1).
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  let row = i / P.length;
  let g = row % P.groups;
  let found = stats[g];
  let means = sums[g] * P.inverseCount;
  let e = V(dy[i]);
  var scale = found.z;
  if (AFFINE == 1u) {
    let c = g % P.channels;
    scale *= lane(weightAt(c / LANES), c % LANES);
  }
  dx[i] = VT(scale * (e - (means.x + normalised(V(v[i]), found) * means.y)));
}
