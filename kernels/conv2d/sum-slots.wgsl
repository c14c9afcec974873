// y[i] = Σ_slot partial[slot, i], in an order fixed by the shape: the same bits at every run. SHARED threads share a sum:
// each adds a run of neighbouring slots, and their sums are added in order.
const OWN: u32 = WG / SHARED; // sums of a workgroup
var<workgroup> runs: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * OWN + thread % OWN;
  let run = (P.slots + SHARED - 1u) / SHARED;
  let first = thread / OWN * run;
  let end = min(first + run, P.slots);
  var sum = 0.0;
  if (i < P.count) {
    for (var slot = first; slot < end; slot++) { sum += partial[slot * P.count + i]; }
  }
  if (SHARED == 1u) {
    if (i < P.count) { y[i] = T(sum); }
    return; // all threads do
  }
  runs[thread] = sum;
  workgroupBarrier();
  if (thread < OWN && i < P.count) {
    for (var other = 1u; other < SHARED; other++) { sum += runs[other * OWN + thread]; }
    y[i] = T(sum);
  }
}
