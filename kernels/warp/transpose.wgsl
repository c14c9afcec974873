// x[p, i] = Σ_{t} y[p, t] over the targets t that read pixel i, in increasing order: the transpose of warp.wgsl, as a
// gather, so that no two threads add to one number.
// A thread owns one pixel of STRIP neighbouring planes; neighbouring threads own neighbouring pixels.
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
  let start = starts[i];
  let stop = starts[i + 1u];
  let end = min(first + STRIP, P.planes);
  for (var plane = first; plane < end; plane++) {
    var sum = 0.0;
    for (var k = start; k < stop; k++) { sum += f32(y[plane * P.area + targets[k]]); }
    x[plane * P.area + i] = T(sum);
  }
}
