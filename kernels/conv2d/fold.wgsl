// The transpose of reflect and replicate padding: every value of the padded plane is added to the pixel it was read from.
//
//   y[p, i, j] = Σ x[p, a, b]   over the (a, b) with padded(a − top) = i and padded(b − left) = j
//
// One thread an output. Away from the borders that is one term; near them the strips of padding are searched too.

// the n-th position of the padded axis that may have been read from i: its own, then both strips
fn candidate(n: i32, i: i32, before: i32, extent: i32) -> i32 {
  if (n == 0) { return i + before; }
  return select(n - 1 + extent, n - 1, n <= before);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = groupIndex(group, groups) * WG + thread;
  if (index >= P.planes * P.h * P.w) { return; }
  let height = i32(P.h);
  let width = i32(P.w);
  let top = i32(P.top);
  let left = i32(P.left);
  let j = i32(index % P.w);
  let i = i32(index / P.w % P.h);
  let plane = index / (P.h * P.w) * P.paddedH * P.paddedW;
  let strip = i32(P.paddedH) - height;
  let stripX = i32(P.paddedW) - width;
  // reflection reaches as far inwards as the padding is wide
  let nearY = i <= top || i >= height - 1 - (strip - top);
  let nearX = j <= left || j >= width - 1 - (stripX - left);
  var sum = 0.0;
  for (var m = 0; m <= select(0, strip, nearY); m++) {
    let a = candidate(m, i, top, height);
    if (padded(a - top, height, P.padMode) == i) {
      for (var n = 0; n <= select(0, stripX, nearX); n++) {
        let b = candidate(n, j, left, width);
        if (padded(b - left, width, P.padMode) == j) { sum += f32(x[plane + u32(a) * P.paddedW + u32(b)]); }
      }
    }
  }
  y[index] = T(sum);
}
