// part[k] = sum of squares of the k-th run of P.run vectors of four. One workgroup a run; the order is fixed.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let k = groupIndex(group, groups);
  if (k >= P.runs) { return; } // uniform across the workgroup
  let end = min((k + 1u) * P.run, P.count);
  var total = vec4f();
  for (var i = k * P.run + t; i < end; i += WG) {
    let x = grad[i];
    total += x * x;
  }
  let sum = workgroupSum(t, vec2f((total.x + total.y) + (total.z + total.w), 0.0)).x;
  if (t == 0u) { part[P.first + k] = sum; }
}
