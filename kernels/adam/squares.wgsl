// part[k] = sum of squares of the k-th run of WG · PER_THREAD vectors of four. Threads meet pairwise: the order is fixed.
var<workgroup> sums: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let run = groupIndex(group, groups);
  if (run >= P.runs) { return; } // uniform across the workgroup
  var total = vec4f();
  for (var k = 0u; k < PER_THREAD; k++) {
    let i = (run * PER_THREAD + k) * WG + t;
    if (i < P.count) {
      let x = grad[i];
      total += x * x;
    }
  }
  sums[t] = total.x + total.y + total.z + total.w;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (t < half) { sums[t] += sums[t + half]; }
    workgroupBarrier();
  }
  if (t == 0u) { part[P.first + run] = sums[0]; }
}
