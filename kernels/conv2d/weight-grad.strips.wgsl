// Weight gradient of any convolution with 3 × 3 taps, for GPUs where there are few channels (the formula is that of
// weight-grad.taps.wgsl): a workgroup owns all taps of one input channel for four output channels, and one slot of rows.
// Its threads share the pixels: each reads four gradients and a window for 36 products. Their sums meet in workgroup
// memory and are added in the order of the threads.
const CHANNELS: u32 = 4u;
const TAPS: u32 = 9u;
const SUMS: u32 = TAPS * CHANNELS;
var<workgroup> part: array<f32, WG * SUMS>;

// Four channels of three taps, of each row of taps. No loop and no variable index: some compilers would keep an array in
// memory.
struct Sums { top: mat3x4f, middle: mat3x4f, bottom: mat3x4f }

fn addRow(values: vec3f, gradients: vec4f, sums: mat3x4f) -> mat3x4f {
  return mat3x4f(
    fma(vec4f(values.x), gradients, sums[0]),
    fma(vec4f(values.y), gradients, sums[1]),
    fma(vec4f(values.z), gradients, sums[2]),
  );
}

fn threeInside(at: u32) -> vec3f {
  return vec3f(f32(x[at]), f32(x[at + P.dilationX]), f32(x[at + 2u * P.dilationX]));
}

fn threePadded(plane: u32, iy: i32, ix: i32) -> vec3f {
  let by = i32(P.dilationX);
  return vec3f(pixelAt(plane, iy, ix), pixelAt(plane, iy, ix + by), pixelAt(plane, iy, ix + 2 * by));
}

fn keepRow(at: u32, sums: mat3x4f) {
  keepTap(at, sums[0]);
  keepTap(at + CHANNELS, sums[1]);
  keepTap(at + 2u * CHANNELS, sums[2]);
}

fn keepTap(at: u32, sums: vec4f) {
  part[at] = sums.x;
  part[at + 1u] = sums.y;
  part[at + 2u] = sums.z;
  part[at + 3u] = sums.w;
}

// a pixel of a plane, or its padding
fn pixelAt(plane: u32, iy: i32, ix: i32) -> f32 {
  if (P.padMode == 0u && (outside(iy, i32(P.h)) || outside(ix, i32(P.w)))) { return 0.0; }
  let row = plane + u32(padded(iy, i32(P.h), P.padMode)) * P.w;
  return f32(x[row + u32(padded(ix, i32(P.w), P.padMode))]);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.k + CHANNELS - 1u) / CHANNELS;
  var rest = groupIndex(group, groups);
  let k0 = rest % blocks * CHANNELS;
  rest /= blocks;
  let c = rest % P.c;
  rest /= P.c;
  let channelGroup = rest % P.groups;
  let slot = rest / P.groups;
  if (slot >= P.slots) { return; } // uniform across the workgroup

  let pixels = P.oH * P.oW;
  let start = slot * P.slotRows * P.oW;
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH) * P.oW;
  let channels = min(vec4u(k0) + vec4u(0u, 1u, 2u, 3u), vec4u(P.k - 1u));
  let dilationY = i32(P.dilationY);
  let dilationX = i32(P.dilationX);
  let stepOn = walkTo(WG, P.oH, P.oW);
  var at = walkTo(start + thread, P.oH, P.oW);

  var sums: Sums;
  for (var p = start + thread; p < end; p += WG) {
    let place = ((at.high * P.groups + channelGroup) * P.k + channels) * pixels + at.middle * P.oW + at.low;
    let gradients = vec4f(f32(dy[place.x]), f32(dy[place.y]), f32(dy[place.z]), f32(dy[place.w]));
    let plane = ((at.high * P.groups + channelGroup) * P.c + c) * P.h * P.w;
    let iy = i32(at.middle * P.strideY) - P.top;
    let ix = i32(at.low * P.strideX) - P.left;
    if (min(iy, ix) >= 0 && iy + 2 * dilationY < i32(P.h) && ix + 2 * dilationX < i32(P.w)) {
      let corner = plane + u32(iy) * P.w + u32(ix);
      let row = P.dilationY * P.w;
      sums.top = addRow(threeInside(corner), gradients, sums.top);
      sums.middle = addRow(threeInside(corner + row), gradients, sums.middle);
      sums.bottom = addRow(threeInside(corner + 2u * row), gradients, sums.bottom);
    } else {
      sums.top = addRow(threePadded(plane, iy, ix), gradients, sums.top);
      sums.middle = addRow(threePadded(plane, iy + dilationY, ix), gradients, sums.middle);
      sums.bottom = addRow(threePadded(plane, iy + 2 * dilationY, ix), gradients, sums.bottom);
    }
    at = walkOn(at, stepOn, P.oH, P.oW);
  }

  keepRow(thread * SUMS, sums.top);
  keepRow(thread * SUMS + 3u * CHANNELS, sums.middle);
  keepRow(thread * SUMS + 6u * CHANNELS, sums.bottom);
  workgroupBarrier();
  let k = k0 + thread % CHANNELS;
  if (thread < SUMS && k < P.k) {
    var sum = 0.0;
    for (var other = 0u; other < WG; other++) { sum += part[other * SUMS + thread]; }
    partial[(((slot * P.groups + channelGroup) * P.k + k) * P.c + c) * TAPS + thread / CHANNELS] = sum;
  }
}
