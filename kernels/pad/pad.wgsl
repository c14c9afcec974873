// Pads or crops the last two axes of planes of [P.xHeight, P.xWidth]:
//   y[p, i, j] = x[p, s(i − top), s(j − left)], where `s` says which element stands at a position outside of x:
//   MODE 0, zeros: none; MODE 1, reflect: −1 → 1 and n → n − 2; MODE 2, replicate: the nearest one.
// `top` and `left` may be negative: then y starts inside x. A thread owns one column of STRIP neighbouring rows, and
// neighbouring threads own neighbouring columns.
const STRIP = 4u;

// where the value at a position comes from, in 0 … n−1; with zeros, positions outside give one that `position` differs from
fn sourceOf(position: i32, n: i32) -> i32 {
  let reflected = n - 1 - abs(n - 1 - abs(position));
  return clamp(select(position, reflected, P.mode == 1u), 0, n - 1);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let strips = (P.yHeight + STRIP - 1u) / STRIP;
  let line = t / P.yWidth;
  let column = t - line * P.yWidth;
  let plane = line / strips;
  if (plane >= P.planes) { return; }
  let first = (line - plane * strips) * STRIP;
  let count = min(STRIP, P.yHeight - first);
  let sourceColumn = sourceOf(i32(column) - P.left, i32(P.xWidth));
  let missing = P.mode == 0u && sourceColumn != i32(column) - P.left;
  let base = plane * P.xHeight * P.xWidth + u32(sourceColumn);
  var yAt = (plane * P.yHeight + first) * P.yWidth + column;
  var row = i32(first) - P.top;
  for (var k = 0u; k < count; k++) {
    let sourceRow = sourceOf(row, i32(P.xHeight));
    let value = x[base + u32(sourceRow) * P.xWidth];
    y[yAt] = select(value, T(), missing || (P.mode == 0u && sourceRow != row));
    yAt += P.yWidth;
    row++;
  }
}
