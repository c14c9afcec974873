// y[p, i] = x[p, sources[i]]: every plane p of P.area pixels, taken from other places.
// A thread owns one pixel of STRIP neighbouring planes and finds its source once; neighbouring threads own neighbouring
// pixels.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let strip = t / P.area;
  let i = t - strip * P.area;
  let first = strip * STRIP;
  if (first >= P.planes) { return; }
  let source = sources[i];
  let end = min(first + STRIP, P.planes);
  for (var plane = first; plane < end; plane++) { y[plane * P.area + i] = x[plane * P.area + source]; }
}
