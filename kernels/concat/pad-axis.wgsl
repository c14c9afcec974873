// y[o, a, i] = x[o, (a − before) / P.step, i] where that is a position of x, P.value elsewhere; arrays seen as
// [outer, axis, inner]. A thread owns one (a, i) of STRIP neighbouring o and decides once which of the two it writes.
// Positions (P.before is one: `before` positions of the axis) count elements, or vectors of four where all are whole.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  var k = t;
  var first = 0u;
  if (P.outer > STRIP) {
    let strip = t / P.yOuter;
    k = t - strip * P.yOuter;
    first = strip * STRIP;
  }
  if (first >= P.outer || k >= P.yOuter) { return; }
  var inside = k >= P.before;
  var source = k - P.before;
  if (inside && P.step > 1u) {
    let a = source / P.inner;
    inside = a % P.step == 0u;
    source -= (a - a / P.step) * P.inner;
  }
  inside = inside && source < P.xOuter;
  let end = min(first + STRIP, P.outer);
  var yAt = k + first * P.yOuter;
  if (!inside) {
    for (var o = first; o < end; o++) {
      y[yAt] = VT(T(P.value));
      yAt += P.yOuter;
    }
    return;
  }
  var xAt = source + first * P.xOuter;
  for (var o = first; o < end; o++) {
    y[yAt] = x[xAt];
    xAt += P.xOuter;
    yAt += P.yOuter;
  }
}
