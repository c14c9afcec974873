// y = f((x − mean) · rstd · weight + bias) with known statistics, for segment s of group g: P.chunk of its
// P.outer · P.length values (V), counted through the group. One workgroup a segment. AFFINE as in fused.wgsl.
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
  var w = V(1.0);
  var b = V();
  if (AFFINE == 1u) {
    let c = g % P.channels;
    w = V(lane(weightAt(c / LANES), c % LANES));
    b = V(lane(biasAt(c / LANES), c % LANES));
  }
  // value k of the group is r values into its slab o; both advance without a division
  var o = first / P.length;
  var r = first % P.length;
  let slabs = WG / P.length;
  let rest = WG % P.length;
  for (var k = first; k < end; k += WG) {
    let i = (o * P.groups + g) * P.length + r;
    if (AFFINE == 2u) {
      w = weightAt(r);
      b = biasAt(r);
    }
    let v = standardised(V(x[i]), found) * w + b;
    y[i] = VT(select(P.slope * v, v, v > V()));
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
}
