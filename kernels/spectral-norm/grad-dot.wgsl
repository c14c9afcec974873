// part[segment] = Σ dy · y over P.chunk values (V): the parts of ⟨dy, y⟩, one workgroup a segment.

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
    for (; i < stop; i += WG) {
      sumRun += dy[i] * y[i];
    }
    sum += sumRun;
  }
  let found = workgroupSum(t, vec2f(total(sum), 0.0));
  if (t == 0u) { part[segment] = found.x; }
}
