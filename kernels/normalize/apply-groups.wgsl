// y = f((x − mean) · rstd · weight + bias) with known statistics, for segment s of group g: P.chunk of its
// P.outer · P.length values (V), counted through the group. One workgroup a segment; UNROLL values are loaded before the
// first is used. AFFINE as in fused.wgsl.
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
  let step = placeIn(WG);
  var place = placeIn(first);
  for (var k = first; k < end; k += UNROLL * WG) {
    var v: array<VT, UNROLL>;
    var at: array<vec2u, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = vec2u((place.x * P.groups + g) * P.length + place.y, place.y);
      if (j == 0u || k + j * WG < end) { v[j] = x[at[j].x]; }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= end) { continue; }
      if (AFFINE == 2u) {
        w = weightAt(at[j].y);
        b = biasAt(at[j].y);
      }
      let z = standardised(V(v[j]), found) * w + b;
      y[at[j].x] = VT(select(P.slope * z, z, z > V()));
    }
  }
}
