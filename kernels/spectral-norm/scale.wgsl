// y = weight / σ with σ = uᵀ s, s = M v, for P.chunk vectors of four a workgroup; u, v and σ go out too.
// ITERATED: u = s / ‖s‖, and v is raw, ‖v‖² the sum of P.strips parts. Otherwise u is given, and both are passed on.
// Every workgroup finds σ for itself, in the same order, so all have the same. UNROLL vectors are loaded before the first is
// used.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let segment = groupIndex(group, groups);
  if (segment * P.chunk >= P.count) { return; } // uniform across the workgroup
  var sums = vec2f(); // (Σ s², ‖raw‖²), or (Σ u · s, 0)
  for (var k = t; k < P.rows; k += WG) { sums.x += select(givenAt(k), s[k], ITERATED == 1u) * s[k]; }
  if (ITERATED == 1u) {
    for (var k = t; k < P.strips; k += WG) { sums.y += partAt(k); }
  }
  sums = workgroupSum(t, sums);
  let shrinkU = 1.0 / max(sqrt(sums.x), TINY);
  let shrinkV = select(1.0, 1.0 / max(sqrt(sums.y), TINY), ITERATED == 1u);
  let found = select(sums.x, sums.x * shrinkU, ITERATED == 1u);
  if (segment == 0u && t == 0u) { sigma[0] = found; }
  let end = min((segment + 1u) * P.chunk, P.count);
  for (var first = segment * P.chunk + t; first < end; first += UNROLL * WG) {
    var w: array<vec4f, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      if (j == 0u || first + j * WG < end) { w[j] = weight[first + j * WG]; }
    }
    for (var j = 0u; j < UNROLL; j++) {
      let i = first + j * WG;
      if (j > 0u && i >= end) { continue; }
      y[i] = w[j] / found;
      // M has a row and a column at least, so that these places are all visited
      if (4u * i < P.columns) { v[i] = raw[i] * shrinkV; }
      for (var k = 4u * i; k < min(4u * i + 4u, P.rows); k++) {
        u[k] = select(givenAt(k), s[k] * shrinkU, ITERATED == 1u);
      }
    }
  }
}
