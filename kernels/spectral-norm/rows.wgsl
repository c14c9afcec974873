// s[o] = Σ M[o, k] · v[k], one workgroup a row. M as in columns.wgsl. ITERATED: v is raw, and is divided by its norm, whose
// square is the sum of P.strips parts. UNROLL values are loaded before the first is used.

const RUN = 64u; // values (V) that a thread adds up before they join its sum: rounding stays near that of a pairwise sum

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let row = groupIndex(group, groups);
  if (row >= P.rows) { return; } // uniform across the workgroup
  let columns = P.outer * P.inner;
  // column k is place r of outer index a; both advance without a division
  let skip = WG / P.inner;
  let rest = WG % P.inner;
  var a = t / P.inner;
  var r = t % P.inner;
  var sum = V();
  var k = t;
  while (k < columns) {
    let stop = min(k + RUN * WG, columns);
    var sumRun = V();
    for (; k < stop; k += UNROLL * WG) {
      var w: array<V, UNROLL>;
      var f: array<V, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || k + j * WG < stop) {
          w[j] = weight[(a * P.rows + row) * P.inner + r];
          f[j] = v[k + j * WG];
        }
        a += skip;
        r += rest;
        if (r >= P.inner) {
          r -= P.inner;
          a++;
        }
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || k + j * WG < stop) { sumRun += w[j] * f[j]; }
      }
    }
    sum += sumRun;
  }
  var square = 0.0;
  if (ITERATED == 1u) {
    for (var k = t; k < P.strips; k += WG) { square += partAt(k); }
  }
  let found = workgroupSum(t, vec2f(total(sum), square));
  if (t == 0u) { s[row] = select(found.x, found.x / max(sqrt(found.y), TINY), ITERATED == 1u); }
}
