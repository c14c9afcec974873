// The transpose of pad.wgsl: dx[p, i, j] = Σ dy[p, u, v] over all (u, v) that the pad filled from (i, j).
// Along one axis, those are at most three runs of positions: the element's own, and one in each border. A thread owns one
// column of STRIP neighbouring rows of dx and gathers its elements' copies in rising order, so that no two threads write
// one place and the order never varies.
const STRIP = 4u;

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

fn gather(base: i32, row: i32, column: i32) -> f32 {
  let height = i32(P.yHeight);
  let width = i32(P.yWidth);
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
  return sum;
}

// whether position i of an axis has copies in the borders, which are `before` and m − n − before wide
fn copied(i: i32, before: i32, n: i32, m: i32) -> bool {
  return P.mode != 0u && (i <= before || n - 1 - i <= m - n - before);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let strips = (P.xHeight + STRIP - 1u) / STRIP;
  let line = t / P.xWidth;
  let plane = line / strips;
  if (plane >= P.planes) { return; }
  let column = i32(t - line * P.xWidth);
  let first = (line - plane * strips) * STRIP;
  let count = min(STRIP, P.xHeight - first);
  let height = i32(P.yHeight);
  let width = i32(P.yWidth);
  let base = i32(plane * P.yHeight) * width;
  let beside = copied(column, P.left, i32(P.xWidth), width);
  let yColumn = clamp(column + P.left, 0, width - 1);
  let missing = yColumn != column + P.left; // cut off
  var xAt = (plane * P.xHeight + first) * P.xWidth + u32(column);
  var row = i32(first);
  for (var k = 0u; k < count; k++) {
    let yRow = clamp(row + P.top, 0, height - 1);
    var sum = f32(y[base + yRow * width + yColumn]);
    if (missing || yRow != row + P.top) { sum = 0.0; }
    if (beside || copied(row, P.top, i32(P.xHeight), height)) { sum = gather(base, row, column); }
    x[xAt] = T(sum);
    xAt += P.xWidth;
    row++;
  }
}
