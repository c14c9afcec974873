// part[segment] = Σ dy · y over P.chunk values (V): the parts of ⟨dy, y⟩, one workgroup a segment.
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
  for (var i = segment * P.chunk + t; i < end; i += WG) { sum += dy[i] * y[i]; }
  let found = workgroupSum(t, vec2f(total(sum), 0.0));
  if (t == 0u) { part[segment] = found.x; }
}
