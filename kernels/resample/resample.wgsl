// y[a, o, i] = Σ_k weight(o, k) · x[a, first(o) + k, i] over arrays seen as [outer, axis, inner].
// A thread owns one (o, i) of STRIP neighbouring a, for which it finds the weights once; neighbouring threads own
// neighbouring outputs. `inner` counts values of V. KIND: how many elements an output reads, 2 (linear) or 4 (cubic), or
// as many as it takes, with equal weights (0).
const STRIP = 4u;

// where the k-th element that an output reads lies in x, from the first of its line
fn sourceOf(taps: Taps, k: u32) -> u32 { return u32(clamp(taps.first + i32(k), 0, i32(P.n) - 1)) * P.inner; }

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
  let w = taps.weights;
  let s0 = sourceOf(taps, 0u);
  let s1 = sourceOf(taps, 1u);
  let s2 = sourceOf(taps, 2u);
  let s3 = sourceOf(taps, 3u);
  for (var a = first; a < end; a++) {
    var sum = V();
    if (KIND == 0u) {
      for (var k = 0u; k < taps.count; k++) { sum += w.x * V(x[base + sourceOf(taps, k)]); }
    } else {
      sum = w.x * V(x[base + s0]) + w.y * V(x[base + s1]);
      if (KIND == 4u) { sum = (sum + w.z * V(x[base + s2])) + w.w * V(x[base + s3]); }
    }
    y[yAt] = VT(sum);
    yAt += run;
    base += P.n * P.inner;
  }
}
