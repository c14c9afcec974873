// The transpose of pad.wgsl: dx[p, i, j] = Σ dy[p, u, v] over all (u, v) that the pad filled from (i, j).
// Along one axis, those are at most three runs of positions: the element's own, and one in each border. A thread gathers
// one element of dx, row by row in rising order, so no two threads write one place and the order never varies.

// first and last position of y filled from position i of x, in the border before, the middle, or the border after
fn run(part: u32, i: i32, before: i32, n: i32, m: i32) -> vec2i {
  if (part == 1u) { return vec2i(i + before); }
  if (P.mode == 0u) { return vec2i(0, -1); }
  if (P.mode == 1u) {
    if (part == 0u) { return select(vec2i(0, -1), vec2i(before - i), i > 0 && n > 1); }
    return select(vec2i(0, -1), vec2i(2 * (n - 1) - i + before), i < n - 1);
  }
  if (part == 0u) { return select(vec2i(0, -1), vec2i(0, before - 1), i == 0); }
  return select(vec2i(0, -1), vec2i(n + before, m - 1), i == n - 1);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let t = groupIndex(group, groups) * WG + thread;
  let line = t / P.xWidth;
  let plane = line / P.xHeight;
  if (plane >= P.planes) { return; }
  let row = i32(line - plane * P.xHeight);
  let column = i32(t - line * P.xWidth);
  let height = i32(P.yHeight);
  let width = i32(P.yWidth);
  let base = i32(plane * P.yHeight) * width;
  var sum = 0.0;
  for (var vertical = 0u; vertical < 3u; vertical++) {
    let rows = run(vertical, row, P.top, i32(P.xHeight), height);
    for (var u = max(rows.x, 0); u <= min(rows.y, height - 1); u++) {
      for (var horizontal = 0u; horizontal < 3u; horizontal++) {
        let columns = run(horizontal, column, P.left, i32(P.xWidth), width);
        for (var v = max(columns.x, 0); v <= min(columns.y, width - 1); v++) {
          sum += f32(y[base + u * width + v]);
        }
      }
    }
  }
  x[t] = T(sum);
}
