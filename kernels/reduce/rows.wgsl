// y[o, s] = scale · Σ_r x[o, r] over segment s of row o. One workgroup a segment of P.chunk values: each thread sums
// every WG-th one, then the threads' sums meet in a fixed order. Lengths count V.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.outer * P.segments) { return; } // uniform across the workgroup
  let row = (output / P.segments) * P.length;
  let start = (output % P.segments) * P.chunk;
  let end = row + min(start + P.chunk, P.length);
  var sum = V();
  for (var i = row + start + t; i < end; i += WG) { sum += V(x[i]); }
  let sums = workgroupSum(t, vec2f(total(sum), 0.0));
  if (t == 0u) { y[output] = U(sums.x * P.scale); }
}
