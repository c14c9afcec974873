// y = f((x − mean) · rstd · weight + bias) with known statistics, elementwise over [outer, groups, length], length
// counting V. For short slabs, whose weights vary with the group if at all (AFFINE 1).
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
  var v = standardised(V(x[i]), found);
  if (AFFINE == 1u) {
    let c = g % P.channels;
    v = v * lane(weightAt(c / LANES), c % LANES) + lane(biasAt(c / LANES), c % LANES);
  }
  y[i] = VT(select(P.slope * v, v, v > V()));
}
