// Convolution and its transpose for GPUs where there are few output channels or short sums (the formula is that of
// gather.taps.wgsl): a thread owns four neighbouring pixels of one phase and four or eight output channels, so that each
// value it reads of the source serves all of them.
//
// SPLIT threads share a long sum: each takes every SPLIT-th input channel, and what they found is added in their order.
// With ROW the kernel is three wide and moves by single pixels: six pixels of a row serve its three taps.
const THREADS: u32 = select(select(256u, 128u, CHANNELS == 8u), 64u, SPLIT == 1u); // parts are 16 KiB at most
const STRIPS: u32 = THREADS / SPLIT; // of a workgroup
var<workgroup> parts: array<vec4f, THREADS * CHANNELS>;

// Four pixels of each channel. No loop and no variable index: some compilers would keep an array in memory.
struct Sums { low: mat4x4f, high: mat4x4f }

fn addTap(factors: vec4f, pixels: vec4f, sums: mat4x4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(factors.x), pixels, sums[0]),
    fma(vec4f(factors.y), pixels, sums[1]),
    fma(vec4f(factors.z), pixels, sums[2]),
    fma(vec4f(factors.w), pixels, sums[3]),
  );
}

fn weightsAt(out: vec4u, at: u32) -> vec4f {
  return vec4f(f32(weight[out.x + at]), f32(weight[out.y + at]), f32(weight[out.z + at]), f32(weight[out.w + at]));
}

// a pixel of a row that begins at `start`, or its padding
fn pixelAt(start: u32, column: i32) -> f32 {
  if (P.padMode == 0u && outside(column, i32(P.w))) { return 0.0; }
  return f32(x[start + u32(padded(column, i32(P.w), P.padMode))]);
}

fn store(segment: u32, phaseY: u32, phaseX: u32, channel: u32, sum: vec4f) {
  let row = segment / P.rowSegments;
  let oy = row % P.rows * u32(P.outStepY) + phaseY;
  let ox = segment % P.rowSegments * 4u * u32(P.outStepX) + phaseX;
  if (oy >= P.oH) { return; }
  let bias = biasAt(channel);
  let at = ((row / P.rows * P.groups * P.outChannels + channel) * P.oH + oy) * P.oW;
  let step = u32(P.outStepX);
  if (ox < P.oW) { y[at + ox] = T(finish(sum.x, bias, at + ox)); }
  if (ox + step < P.oW) { y[at + ox + step] = T(finish(sum.y, bias, at + ox + step)); }
  if (ox + 2u * step < P.oW) { y[at + ox + 2u * step] = T(finish(sum.z, bias, at + ox + 2u * step)); }
  if (ox + 3u * step < P.oW) { y[at + ox + 3u * step] = T(finish(sum.w, bias, at + ox + 3u * step)); }
}

fn storeFour(segment: u32, phaseY: u32, phaseX: u32, channelGroup: u32, k: u32, sums: mat4x4f) {
  let channel = channelGroup * P.outChannels + k;
  if (k < P.outChannels) { store(segment, phaseY, phaseX, channel, sums[0]); }
  if (k + 1u < P.outChannels) { store(segment, phaseY, phaseX, channel + 1u, sums[1]); }
  if (k + 2u < P.outChannels) { store(segment, phaseY, phaseX, channel + 2u, sums[2]); }
  if (k + 3u < P.outChannels) { store(segment, phaseY, phaseX, channel + 3u, sums[3]); }
}

fn keepFour(thread: u32, i: u32, sums: mat4x4f) {
  parts[i * THREADS + thread] = sums[0];
  parts[(i + 1u) * THREADS + thread] = sums[1];
  parts[(i + 2u) * THREADS + thread] = sums[2];
  parts[(i + 3u) * THREADS + thread] = sums[3];
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.outChannels + CHANNELS - 1u) / CHANNELS;
  let tiles = (P.segments + STRIPS - 1u) / STRIPS;
  let phases = u32(P.outStepY * P.outStepX);
  var rest = groupIndex(group, groups);
  let k0 = rest % blocks * CHANNELS;
  rest /= blocks;
  let segment0 = rest % tiles * STRIPS;
  rest /= tiles;
  let phaseY = i32(rest % phases) / P.outStepX;
  let phaseX = i32(rest % phases) % P.outStepX;
  let channelGroup = rest / phases;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup

  let taps = tapsOf(phaseY, phaseX);
  let segment = min(segment0 + thread % STRIPS, P.segments - 1u);
  let row = segment / P.rowSegments;
  let height = i32(P.h);
  let width = i32(P.w);
  let step = P.inStepX;
  let source = (row / P.rows * P.groups + channelGroup) * P.inChannels;
  let tapStepY = P.gridTapY * P.tapY / P.outStepY;
  let tapStepX = P.gridTapX * P.tapX / P.outStepX;
  let y0 = i32(row % P.rows) * P.inStepY + (phaseY + P.originY + taps.first.y * P.tapY) / P.outStepY;
  let x0 = i32(segment % P.rowSegments * 4u) * step + (phaseX + P.originX + taps.first.x * P.tapX) / P.outStepX;
  let x1 = x0 + (taps.count.x - 1) * tapStepX;
  let left = min(x0, x1);
  let inside = left >= 0 && max(x0, x1) + 3 * step < width;

  let weights = channelGroup * P.weightGroup + u32(taps.first.y) * P.kW + u32(taps.first.x);
  let last = vec4u(P.outChannels - 1u);
  let lowAt = weights + min(vec4u(k0) + vec4u(0u, 1u, 2u, 3u), last) * P.weightOut;
  let highAt = weights + min(vec4u(k0) + vec4u(4u, 5u, 6u, 7u), last) * P.weightOut;

  var sums: Sums;
  for (var c = thread / STRIPS; c < P.inChannels; c += SPLIT) {
    for (var ky = 0; ky < taps.count.y; ky++) {
      let iy = y0 + ky * tapStepY;
      if (P.padMode == 0u && outside(iy, height)) { continue; }
      let start = ((source + c) * P.h + u32(padded(iy, height, P.padMode))) * P.w;
      let weightRow = c * P.weightIn + u32(ky * P.gridTapY) * P.kW;
      if (ROW == 1u) {
        var near: vec4f;
        var far: vec2f;
        if (inside) {
          let at = start + u32(left);
          near = vec4f(f32(x[at]), f32(x[at + 1u]), f32(x[at + 2u]), f32(x[at + 3u]));
          far = vec2f(f32(x[at + 4u]), f32(x[at + 5u]));
        } else {
          near = vec4f(
            pixelAt(start, left),
            pixelAt(start, left + 1),
            pixelAt(start, left + 2),
            pixelAt(start, left + 3),
          );
          far = vec2f(pixelAt(start, left + 4), pixelAt(start, left + 5));
        }
        let middle = vec4f(near.yzw, far.x);
        let end = vec4f(near.zw, far);
        let first = weightRow + select(0u, 2u, P.tapX < 0);
        let third = weightRow + select(2u, 0u, P.tapX < 0);
        sums.low = addTap(weightsAt(lowAt, first), near, sums.low);
        sums.low = addTap(weightsAt(lowAt, weightRow + 1u), middle, sums.low);
        sums.low = addTap(weightsAt(lowAt, third), end, sums.low);
        if (CHANNELS == 8u) {
          sums.high = addTap(weightsAt(highAt, first), near, sums.high);
          sums.high = addTap(weightsAt(highAt, weightRow + 1u), middle, sums.high);
          sums.high = addTap(weightsAt(highAt, third), end, sums.high);
        }
      } else {
        for (var kx = 0; kx < taps.count.x; kx++) {
          let ix = x0 + kx * tapStepX;
          var pixels: vec4f;
          if (inside) {
            let at = start + u32(ix);
            let by = u32(step);
            pixels = vec4f(f32(x[at]), f32(x[at + by]), f32(x[at + 2u * by]), f32(x[at + 3u * by]));
          } else {
            pixels = vec4f(
              pixelAt(start, ix),
              pixelAt(start, ix + step),
              pixelAt(start, ix + 2 * step),
              pixelAt(start, ix + 3 * step),
            );
          }
          let at = weightRow + u32(kx * P.gridTapX);
          sums.low = addTap(weightsAt(lowAt, at), pixels, sums.low);
          if (CHANNELS == 8u) { sums.high = addTap(weightsAt(highAt, at), pixels, sums.high); }
        }
      }
    }
  }

  if (SPLIT == 1u) {
    if (segment0 + thread < P.segments) {
      storeFour(segment, u32(phaseY), u32(phaseX), channelGroup, k0, sums.low);
      if (CHANNELS == 8u) { storeFour(segment, u32(phaseY), u32(phaseX), channelGroup, k0 + 4u, sums.high); }
    }
    return; // all threads do
  }
  keepFour(thread, 0u, sums.low);
  if (CHANNELS == 8u) { keepFour(thread, 4u, sums.high); }
  workgroupBarrier();
  for (var result = thread; result < CHANNELS * STRIPS; result += THREADS) {
    let strip = result % STRIPS;
    let i = result / STRIPS;
    if (i < min(CHANNELS, P.outChannels - k0) && segment0 + strip < P.segments) {
      var sum = parts[i * THREADS + strip];
      for (var part = 1u; part < SPLIT; part++) { sum += parts[i * THREADS + part * STRIPS + strip]; }
      store(segment0 + strip, u32(phaseY), u32(phaseX), channelGroup * P.outChannels + k0 + i, sum);
    }
  }
}
