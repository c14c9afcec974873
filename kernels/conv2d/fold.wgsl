// The transpose of reflect and replicate padding: every value of the padded plane is added to the pixel it was read from.
//
//   y[p, i, j] = Σ x[p, a, b]   over the (a, b) with padded(a − top) = i and padded(b − left) = j
//
// A thread owns four neighbouring pixels of a row. Away from the borders that is one term each; near them the strips of
// padding are searched too.

// the n-th position of the padded axis that may have been read from i: its own, then both strips
fn candidate(n: i32, i: i32, before: i32, extent: i32) -> i32 {
  if (n == 0) { return i + before; }
  return select(n - 1 + extent, n - 1, n <= before);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let segments = (P.w + 3u) / 4u;
  let segment = groupIndex(group, groups) * WG + thread;
  let row = segment / segments;
  let plane = row / P.h;
  if (plane >= P.planes) { return; }
  let height = i32(P.h);
  let width = i32(P.w);
  let top = i32(P.top);
  let left = i32(P.left);
  let i = i32(row - plane * P.h);
  let j = i32((segment - row * segments) * 4u);
  let count = min(4, width - j);
  let stripY = i32(P.paddedH) - height;
  let stripX = i32(P.paddedW) - width;
  // reflection reaches as far inwards as the padding is wide
  let nearY = i <= top || i >= height - 1 - (stripY - top);
  let nearX = j <= left || j + 3 >= width - 1 - (stripX - left);
  var sum = vec4f();
  for (var m = 0; m <= select(0, stripY, nearY); m++) {
    let a = candidate(m, i, top, height);
    if (padded(a - top, height, P.padMode) == i) {
      let start = (plane * P.paddedH + u32(a)) * P.paddedW;
      for (var e = 0; e < 4; e++) { sum[e] += f32(x[start + u32(min(j + e, width - 1) + left)]); }
      if (nearX) {
        for (var n = 1; n <= stripX; n++) {
          let b = candidate(n, j, left, width);
          let place = padded(b - left, width, P.padMode) - j;
          sum += select(vec4f(), vec4f(f32(x[start + u32(b)])), vec4i(0, 1, 2, 3) == vec4i(place));
        }
      }
    }
  }
  let start = row * P.w + u32(j);
  for (var e = 0; e < 4; e++) {
    if (e < count) { y[start + u32(e)] = T(sum[e]); }
  }
}
