// part[segment] = Σ dy · y over P.chunk values (V): the parts of ⟨dy, y⟩, one workgroup a segment. UNROLL
// values are loaded before the first is used.

const RUN = 64u; // values (V) that a thread adds up before they join its sum: rounding stays near that of a pairwise sum

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let segment = groupIndex(group, groups);
  if (segment >= P.segments) { return; } // uniform across the workgroup
  let end = min((segment + 1u) * P.chunk, P.count);
  var sum = V();
  var i = segment * P.chunk + t;
  while (i < end) {
    let stop = min(i + RUN * WG, end);
    var sumRun = V();
    for (; i < stop; i += UNROLL * WG) {
      var d: array<V, UNROLL>;
      var f: array<V, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || i + j * WG < stop) {
          d[j] = dy[i + j * WG];
          f[j] = y[i + j * WG];
        }
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || i + j * WG < stop) { sumRun += d[j] * f[j]; }
      }
    }
    sum += sumRun;
  }
  let found = workgroupSum(t, vec2f(total(sum), 0.0));
  if (t == 0u) { part[segment] = found.x; }
}
