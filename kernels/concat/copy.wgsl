// Copies a box between arrays seen as [outer, axis, inner]: concat writes parts of y, slice reads parts of x.
//   y[P.yStart + o·P.yOuter + a·P.yStep + i] = x[P.xStart + o·P.xOuter + a·P.xStep + i]   o < outer, a < length, i < inner
// A thread owns one (a, i) of STRIP neighbouring o, so that indices advance by additions; neighbouring threads own
// neighbouring elements. Positions count elements, or vectors of four where every number above divides by four.
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
    let strip = t / P.run;
    k = t - strip * P.run;
    first = strip * STRIP;
  }
  if (first >= P.outer || k >= P.run) { return; }
  var xAt = k;
  var yAt = k;
  if (P.inner < P.run) { // a run that is not contiguous on both sides
    let a = k / P.inner;
    let i = k - a * P.inner;
    xAt = a * P.xStep + i;
    yAt = a * P.yStep + i;
  }
  xAt += P.xStart + first * P.xOuter;
  yAt += P.yStart + first * P.yOuter;
  let end = min(first + STRIP, P.outer);
  for (var o = first; o < end; o++) {
    y[yAt] = x[xAt];
    xAt += P.xOuter;
    yAt += P.yOuter;
  }
}
