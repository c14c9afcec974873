// y[o, k, i] = x[o, index[k], i] over arrays seen as [outer, axis, inner]; an index past the axis gives 0.
// A thread owns one (k, i) of STRIP neighbouring o, and reads its index once. `inner` counts elements, or vectors of four.
const STRIP = 4u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let t = groupIndex(group, groups) * WG + thread;
  let run = P.count * P.inner;
  let strip = t / run;
  let place = t - strip * run;
  let first = strip * STRIP;
  if (first >= P.outer) { return; }
  let k = place / P.inner;
  let row = index[k];
  let inside = row < P.rows;
  var xAt = (first * P.rows + min(row, P.rows - 1u)) * P.inner + place - k * P.inner;
  var yAt = first * run + place;
  let end = min(first + STRIP, P.outer);
  for (var o = first; o < end; o++) {
    let value = x[xAt];
    y[yAt] = select(VT(), value, inside);
    xAt += P.rows * P.inner;
    yAt += run;
  }
}
