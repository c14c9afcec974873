// Sums of the planes of each channel: partial[slot, c] = Σ over all images n and the slot's vectors v of x[n, c, v].
//
// A workgroup owns a channel and a slot of P.span vectors of every plane. A thread has four loads in flight; the sums
// of all threads meet in an order fixed by WG.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let index = groupIndex(group, groups);
  let slot = index / P.channels;
  let channel = index % P.channels;
  if (slot >= P.slots) { return; } // uniform across the workgroup
  let end = min((slot + 1u) * P.span, P.plane);
  var sum = V();
  for (var image = 0u; image < P.n; image++) {
    let base = (image * P.channels + channel) * P.plane;
    for (var v = slot * P.span + thread; v < end; v += 4u * WG) {
      let a = V(x[base + v]);
      let b = V(x[base + min(v + WG, end - 1u)]);
      let c = V(x[base + min(v + 2u * WG, end - 1u)]);
      let d = V(x[base + min(v + 3u * WG, end - 1u)]);
      sum += a;
      sum += select(V(), b, v + WG < end);
      sum += select(V(), c, v + 2u * WG < end);
      sum += select(V(), d, v + 3u * WG < end);
    }
  }
  let all = workgroupSum(thread, vec2f(total(sum), 0.0));
  if (thread == 0u) { partial[index] = all.x; }
}
