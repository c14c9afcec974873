// y = f(x̂ · (1 + gamma) + beta) with statistics that known.wgsl or joined.wgsl gives, for segment s of group g: P.chunk of its P.outer · P.length
// values (V), counted through the group. One workgroup a segment; UNROLL values are loaded before the first is used.
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
  let found = statisticsFor(g, output % P.segments, t);
  let step = placeIn(WG);
  var place = placeIn(first);
  for (var k = first; k < end; k += UNROLL * WG) {
    var v: array<VT, UNROLL>;
    var gamma: array<VT, UNROLL>;
    var beta: array<VT, UNROLL>;
    var at: array<u32, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = placeOf(place.x, g, place.y);
      if (j == 0u || k + j * WG < end) {
        v[j] = x[at[j]];
        let to = gammaOf(at[j], place.x, g);
        gamma[j] = gammaBeta[to];
        beta[j] = gammaBeta[to + betaStep()];
      }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= end) { continue; }
      y[at[j]] = modulated(V(v[j]), found, V(gamma[j]), V(beta[j]));
    }
  }
}
