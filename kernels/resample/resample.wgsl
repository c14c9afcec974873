// y[a, o, i] = Σ_k weight(o, k) · x[a, first(o) + k, i] over arrays seen as [outer, axis, inner].
// A thread owns one (o, i) of STRIP neighbouring a, for which it finds the weights once; neighbouring threads own
// neighbouring outputs. `inner` counts values of V.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let run = P.m * P.inner;
  let strip = t / run;
  let k = t - strip * run;
  let first = strip * STRIP;
  if (first >= P.outer) { return; }
  let o = k / P.inner;
  let i = k - o * P.inner;
  let taps = tapsOf(o);
  var yAt = first * run + k;
  var base = first * P.n * P.inner + i;
  let end = min(first + STRIP, P.outer);
  for (var a = first; a < end; a++) {
    var sum = V();
    for (var tap = 0u; tap < taps.count; tap++) {
      let source = u32(clamp(taps.first + i32(tap), 0, i32(P.n) - 1));
      sum += weightOf(taps, tap) * V(x[base + source * P.inner]);
    }
    y[yAt] = VT(sum);
    yAt += run;
    base += P.n * P.inner;
  }
}
