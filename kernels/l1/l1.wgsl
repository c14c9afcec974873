// partial[slot] = Σ |a[i] − b[i]| over the slot's vectors i: P.span of them. A thread has four loads of each in flight, WG
// apart; the sums of all threads meet in an order fixed by WG.

// of vector i, where it is before `end`
fn distance(i: u32, end: u32) -> V {
  let at = min(i, end - 1u);
  return select(V(), abs(V(a[at]) - V(b[at])), i < end);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let slot = groupIndex(group, groups);
  if (slot >= P.slots) { return; } // uniform across the workgroup
  let end = min((slot + 1u) * P.span, P.count);
  var sum = V();
  for (var i = slot * P.span + thread; i < end; i += 4u * WG) {
    let first = distance(i, end) + distance(i + WG, end);
    sum += first + (distance(i + 2u * WG, end) + distance(i + 3u * WG, end));
  }
  let all = workgroupSum(thread, vec2f(total(sum), 0.0));
  if (thread == 0u) { partial[slot] = all.x * P.scale; }
}
