// dweight = (dy − ⟨dy, y⟩ · u vᵀ) / σ for P.chunk values (V) a workgroup; M as in columns.wgsl. ⟨dy, y⟩ is the sum of
// P.segments parts, which every workgroup adds in the same order. UNROLL values are loaded before the first is used.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let block = groupIndex(group, groups);
  if (block * P.chunk >= P.count) { return; } // uniform across the workgroup
  var sum = 0.0;
  for (var k = t; k < P.segments; k += WG) { sum += part[k]; }
  let product = workgroupSum(t, vec2f(sum, 0.0)).x;
  let scale = 1.0 / sigma[0];
  // value i is place r of the line (a, o) of inner values; r and the line advance without a division
  let first = block * P.chunk + t;
  let end = min(first - t + P.chunk, P.count);
  let skip = WG / P.inner;
  let rest = WG % P.inner;
  var line = first / P.inner;
  var r = first % P.inner;
  for (var i = first; i < end; i += UNROLL * WG) {
    var d: array<V, UNROLL>;
    var w: array<V, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      if (j == 0u || i + j * WG < end) {
        var o = line;
        var k = r;
        if (P.outer > 1u) {
          o = line % P.rows;
          k += (line / P.rows) * P.inner;
        }
        d[j] = dy[i + j * WG];
        w[j] = product * u[o] * v[k];
      }
      line += skip;
      r += rest;
      if (r >= P.inner) {
        r -= P.inner;
        line++;
      }
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j == 0u || i + j * WG < end) { dweight[i + j * WG] = (d[j] - w[j]) * scale; }
    }
  }
}
