// Convolution and its transpose for GPUs where there are few output channels or short sums (the formula is that of
// gather.taps.wgsl): a thread owns four neighbouring pixels of one phase and four output channels, so that each value it
// reads of the source serves all four.
//
// SPLIT threads share a long sum: each takes every SPLIT-th input channel, and what they found is added in their order.
// With ROW the kernel is three wide and moves by single pixels: six pixels of a row serve its three taps.
const CHANNELS: u32 = 4u;
const THREADS: u32 = select(256u, 64u, SPLIT == 1u);
const STRIPS: u32 = THREADS / SPLIT; // of a workgroup
var<workgroup> parts: array<vec4f, THREADS * CHANNELS>;

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
  for (var e = 0u; e < 4u; e++) {
    let column = ox + e * u32(P.outStepX);
    if (column < P.oW) { y[at + column] = T(finish(sum[e], bias, at + column)); }
  }
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
  let outAt = min(vec4u(k0) + vec4u(0u, 1u, 2u, 3u), vec4u(P.outChannels - 1u)) * P.weightOut;

  var sums: array<vec4f, CHANNELS>;
  for (var c = thread / STRIPS; c < P.inChannels; c += SPLIT) {
    for (var ky = 0; ky < taps.count.y; ky++) {
      let iy = y0 + ky * tapStepY;
      if (P.padMode == 0u && outside(iy, height)) { continue; }
      let start = ((source + c) * P.h + u32(padded(iy, height, P.padMode))) * P.w;
      let weightRow = outAt + (weights + c * P.weightIn + u32(ky * P.gridTapY) * P.kW);
      if (ROW == 1u) {
        var window: array<f32, 6>;
        if (inside) {
          for (var t = 0; t < 6; t++) { window[t] = f32(x[start + u32(left + t)]); }
        } else {
          for (var t = 0; t < 6; t++) { window[t] = pixelAt(start, left + t); }
        }
        for (var t = 0u; t < 3u; t++) {
          let at = weightRow + select(t, 2u - t, P.tapX < 0);
          let pixels = vec4f(window[t], window[t + 1u], window[t + 2u], window[t + 3u]);
          for (var i = 0u; i < CHANNELS; i++) { sums[i] += f32(weight[at[i]]) * pixels; }
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
          for (var i = 0u; i < CHANNELS; i++) { sums[i] += f32(weight[at[i]]) * pixels; }
        }
      }
    }
  }

  if (SPLIT == 1u) {
    if (segment0 + thread < P.segments) {
      for (var i = 0u; i < min(CHANNELS, P.outChannels - k0); i++) {
        store(segment, u32(phaseY), u32(phaseX), channelGroup * P.outChannels + k0 + i, sums[i]);
      }
    }
    return; // all threads do
  }
  for (var i = 0u; i < CHANNELS; i++) { parts[i * THREADS + thread] = sums[i]; }
  workgroupBarrier();
  let strip = thread % STRIPS;
  let i = thread / STRIPS;
  if (i < min(CHANNELS, P.outChannels - k0) && segment0 + strip < P.segments) {
    var sum = parts[i * THREADS + strip];
    for (var part = 1u; part < SPLIT; part++) { sum += parts[i * THREADS + part * STRIPS + strip]; }
    store(segment0 + strip, u32(phaseY), u32(phaseX), channelGroup * P.outChannels + k0 + i, sum);
  }
}
