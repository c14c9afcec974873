// y[o, k, i] = x[o, index[k], i] over arrays seen as [outer, axis, inner]; an index past the axis gives 0.
// A thread owns one (o, i) of STRIP neighbouring k. `inner` counts elements, or vectors of four.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let strips = (P.count + STRIP - 1u) / STRIP;
  let line = t / P.inner;
  let i = t - line * P.inner;
  let o = line / strips;
  if (o >= P.outer) { return; }
  let first = (line - o * strips) * STRIP;
  let end = min(first + STRIP, P.count);
  let base = o * P.rows * P.inner + i;
  var yAt = (o * P.count + first) * P.inner + i;
  for (var k = first; k < end; k++) {
    let row = index[k];
    let value = x[base + min(row, P.rows - 1u) * P.inner];
    y[yAt] = select(VT(), value, row < P.rows);
    yAt += P.inner;
  }
}
