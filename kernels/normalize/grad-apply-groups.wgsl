// dx of grad-fused.wgsl with known A and B, for segment s of group g: P.chunk of its P.outer · P.length values (V),
// counted through the group. One workgroup a segment; UNROLL values are loaded before the first is used.
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
  let step = placeIn(WG);
  var place = placeIn(first);
  for (var k = first; k < end; k += UNROLL * WG) {
    var given: array<VT, UNROLL>;
    var values: array<VT, UNROLL>;
    var at: array<vec2u, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = vec2u((place.x * P.groups + g) * P.length + place.y, place.y);
      if (j == 0u || k + j * WG < end) {
        given[j] = dy[at[j].x];
        values[j] = v[at[j].x];
      }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= end) { continue; }
      var e = V(given[j]);
      if (AFFINE == 2u) { e *= weightAt(at[j].y); }
      dx[at[j].x] = VT(scale * (e - (means.x + normalised(V(values[j]), found) * means.y)));
    }
  }
}
