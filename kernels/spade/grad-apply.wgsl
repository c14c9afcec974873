// dx of grad-fused.wgsl from d, which is dbeta, and the (A, B) of all segments of the group, for segment s of group g:
// P.chunk of its P.outer · P.length values (V), counted through the group. One workgroup a segment; UNROLL values are
// loaded before the first is used.
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
  var sum = vec2f();
  for (var s = t; s < P.segments; s += WG) { sum += partial[g * P.segments + s]; }
  let means = workgroupSum(t, sum) * P.inverseCount;
  let step = placeIn(WG);
  var place = placeIn(first);
  for (var k = first; k < end; k += UNROLL * WG) {
    var values: array<VT, UNROLL>;
    var d: array<VT, UNROLL>;
    var gamma: array<VT, UNROLL>;
    var at: array<u32, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = placeOf(place.x, g, place.y);
      if (j == 0u || k + j * WG < end) {
        values[j] = x[at[j]];
        d[j] = dgammaBeta[gammaOf(at[j], place.x, g) + betaStep()];
        gamma[j] = gammaBeta[gammaOf(at[j], place.x, g)];
      }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= end) { continue; }
      let xhat = standardised(V(values[j]), found);
      let e = V(d[j]) * (1.0 + V(gamma[j]));
      dx[at[j]] = VT(found.z * (e - (means.x + xhat * means.y)));
    }
  }
}
