// Pads or crops the last two axes of planes of [P.xHeight, P.xWidth]:
//   y[p, i, j] = x[p, s(i − top), s(j − left)], where `s` says which element stands at a position outside of x:
//   MODE 0, zeros: none; MODE 1, reflect: −1 → 1 and n → n − 2; MODE 2, replicate: the nearest one.
// `top` and `left` may be negative: then y starts inside x. A thread owns one column of STRIP neighbouring rows, and
// neighbouring threads own neighbouring columns.
const STRIP = 4u;

// position in 0 … n−1, or −1 for none
fn sourceOf(position: i32, n: i32) -> i32 {
  switch P.mode {
    case 0u: { return select(-1, position, position >= 0 && position < n); }
    case 1u: { return n - 1 - abs(n - 1 - abs(position)); }
    default: { return clamp(position, 0, n - 1); }
  }
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let t = groupIndex(group, groups) * WG + thread;
  let strips = (P.yHeight + STRIP - 1u) / STRIP;
  let line = t / P.yWidth;
  let column = t - line * P.yWidth;
  let plane = line / strips;
  if (plane >= P.planes) { return; }
  let first = (line - plane * strips) * STRIP;
  let end = min(first + STRIP, P.yHeight);
  let sourceColumn = sourceOf(i32(column) - P.left, i32(P.xWidth));
  var yAt = (plane * P.yHeight + first) * P.yWidth + column;
  for (var row = first; row < end; row++) {
    let sourceRow = sourceOf(i32(row) - P.top, i32(P.xHeight));
    var value = T();
    if (sourceRow >= 0 && sourceColumn >= 0) {
      value = x[(plane * P.xHeight + u32(sourceRow)) * P.xWidth + u32(sourceColumn)];
    }
    y[yAt] = value;
    yAt += P.yWidth;
  }
}
