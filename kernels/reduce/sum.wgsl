// y[o, i] = Σ_r x[o, r, i] over a run of neighbouring axes seen as [outer, length, inner].
// One workgroup an output: each thread sums every WG-th term, then the threads' sums meet pairwise.
var<workgroup> part: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let output = groupIndex(group, groups);
  if (output >= P.outer * P.inner) { return; } // uniform across the workgroup
  let base = (output / P.inner) * P.length * P.inner + output % P.inner;
  var sum = 0.0;
  for (var r = t; r < P.length; r += WG) { sum += f32(x[base + r * P.inner]); }
  part[t] = sum;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (t < half) { part[t] += part[t + half]; }
    workgroupBarrier();
  }
  if (t == 0u) { y[output] = U(part[0] * P.scale); }
}
