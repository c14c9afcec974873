// y[a, b, c, d, e, f] = x[base + a·s0 + b·s1 + c·s2 + d·s3 + e·s4 + f·s5]: any order and direction of up to six axes.
// A thread owns one place of the inner five axes (P.run of them) for STRIP neighbouring a; neighbouring threads own
// neighbouring places of y. Positions count elements, or vectors of four where the last axis stays last.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let strip = t / P.run;
  let place = t - strip * P.run;
  let first = strip * STRIP;
  if (first >= P.n0) { return; }
  let extents = array<u32, 5>(P.n5, P.n4, P.n3, P.n2, P.n1);
  let strides = array<i32, 5>(P.s5, P.s4, P.s3, P.s2, P.s1);
  var xAt = P.base + i32(first) * P.s0;
  var rest = place;
  for (var k = 0u; k < P.axes; k++) {
    let quotient = rest / extents[k];
    xAt += i32(rest - quotient * extents[k]) * strides[k];
    rest = quotient;
  }
  var yAt = first * P.run + place;
  let end = min(first + STRIP, P.n0);
  for (var a = first; a < end; a++) {
    y[yAt] = x[xAt];
    xAt += P.s0;
    yAt += P.run;
  }
}
