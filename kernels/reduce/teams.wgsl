// y[o] = scale · Σ_r x[o, r] for many rows of moderate length. Eight threads own a row: they read it side by side, and
// the first of them adds their sums in order. One barrier a workgroup of WG / 8 rows. Lengths count V.
const TEAM = 8u;
var<workgroup> terms: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let row = groupIndex(group, groups) * (WG / TEAM) + t / TEAM;
  var sum = V();
  if (row < P.outer) {
    let end = (row + 1u) * P.length;
    for (var i = row * P.length + t % TEAM; i < end; i += TEAM) { sum += V(x[i]); }
  }
  terms[t] = total(sum);
  workgroupBarrier();
  if (row < P.outer && t % TEAM == 0u) {
    var all = terms[t];
    for (var k = 1u; k < TEAM; k++) { all += terms[t + k]; }
    y[row] = U(all * P.scale);
  }
}
