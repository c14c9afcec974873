// What a transposed convolution with reflect or replicate padding adds to the one with zeros: each pixel near a border takes
// what reached the padded positions that were copied from it.
//
//   y[c, i, j] += Σ_{(a, b)} Σ_{k, tap} weight[k, c, tap] · x[k, ((a, b) − tap·dilation) / stride]
//
// over the (a, b) other than its own with padded(a − top) = i and padded(b − left) = j, and the taps whose division is exact.
// The pixels are those of whole rows, then of the columns between. PARTS threads share the channels k of a pixel and four
// channels c; their sums meet in workgroup memory and are added in their order.
const PARTS: u32 = 8u;
const PIXELS: u32 = WG / PARTS;
var<workgroup> parts: array<vec4f, WG>;

// the n-th position of the padded axis that may have been read from i: its own, then both strips
fn candidate(n: i32, i: i32, before: i32, extent: i32) -> i32 {
  if (n == 0) { return i + before; }
  return select(n - 1 + extent, n - 1, n <= before);
}

// the n-th of the rows or columns near the borders, which lie in two runs
fn nearBorder(n: u32, firstStart: u32, firstCount: u32, lastStart: u32) -> u32 {
  return select(lastStart + n - firstCount, firstStart + n, n < firstCount);
}

fn weightsAt(channels: vec4u, at: u32) -> vec4f {
  let all = channels + at;
  return vec4f(f32(weight[all.x]), f32(weight[all.y]), f32(weight[all.z]), f32(weight[all.w]));
}

fn addTo(at: u32, sum: f32) { y[at] = T(f32(y[at]) + sum); }

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.c + 3u) / 4u;
  let rows = P.topRows + P.bottomRows;
  let columns = P.leftColumns + P.rightColumns;
  let inRows = rows * P.w;
  let near = inRows + (P.h - rows) * columns; // of a plane
  let tiles = (P.n * near + PIXELS - 1u) / PIXELS;
  var rest = groupIndex(group, groups);
  let c0 = rest % blocks * 4u;
  rest /= blocks;
  let pixel0 = rest % tiles * PIXELS;
  let channelGroup = rest / tiles;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup

  let number = min(pixel0 + thread % PIXELS, P.n * near - 1u);
  let image = number / near;
  let place = number - image * near;
  var i: u32;
  var j: u32;
  if (place < inRows) {
    i = nearBorder(place / P.w, P.topStart, P.topRows, P.bottomStart);
    j = place % P.w;
  } else {
    // rows that are not near: before, between and behind the two runs
    var row = (place - inRows) / columns;
    if (row >= P.topStart) { row += P.topRows; }
    if (row >= P.bottomStart) { row += P.bottomRows; }
    i = row;
    j = nearBorder((place - inRows) % columns, P.leftStart, P.leftColumns, P.rightStart);
  }

  let stripY = i32(P.top + P.bottom);
  let stripX = i32(P.left + P.right);
  let taps = P.kH * P.kW;
  let source = (image * P.groups + channelGroup) * P.k;
  let pixels = P.oH * P.oW;
  let channels = channelGroup * P.k * P.c * taps + min(vec4u(c0) + vec4u(0u, 1u, 2u, 3u), vec4u(P.c - 1u)) * taps;
  var sum = vec4f();
  for (var m = 0; m <= stripY; m++) {
    let a = candidate(m, i32(i), i32(P.top), i32(P.h));
    if (padded(a - i32(P.top), i32(P.h), P.padMode) != i32(i)) { continue; }
    for (var q = select(0, 1, m == 0); q <= stripX; q++) {
      let b = candidate(q, i32(j), i32(P.left), i32(P.w));
      if (padded(b - i32(P.left), i32(P.w), P.padMode) != i32(j)) { continue; }
      for (var ky = 0u; ky < P.kH; ky++) {
        let fromY = a - i32(ky * P.dilationY);
        if (fromY < 0 || u32(fromY) % P.strideY != 0u || u32(fromY) / P.strideY >= P.oH) { continue; }
        for (var kx = 0u; kx < P.kW; kx++) {
          let fromX = b - i32(kx * P.dilationX);
          if (fromX < 0 || u32(fromX) % P.strideX != 0u || u32(fromX) / P.strideX >= P.oW) { continue; }
          let at = u32(fromY) / P.strideY * P.oW + u32(fromX) / P.strideX;
          let tap = ky * P.kW + kx;
          for (var k = thread / PIXELS; k < P.k; k += PARTS) {
            sum += f32(x[(source + k) * pixels + at]) * weightsAt(channels, k * P.c * taps + tap);
          }
        }
      }
    }
  }
  parts[thread] = sum;
  workgroupBarrier();
  if (thread < PIXELS && pixel0 + thread < P.n * near) {
    for (var part = 1u; part < PARTS; part++) { sum += parts[part * PIXELS + thread]; }
    let plane = P.h * P.w;
    let to = ((image * P.groups + channelGroup) * P.c + c0) * plane + i * P.w + j;
    addTo(to, sum.x);
    if (c0 + 1u < P.c) { addTo(to + plane, sum.y); }
    if (c0 + 2u < P.c) { addTo(to + 2u * plane, sum.z); }
    if (c0 + 3u < P.c) { addTo(to + 3u * plane, sum.w); }
  }
}
