// Convolution and its transpose for any kernel, step, dilation and group count, on subgroups of SG lanes.
//
//   y[n, k, q·outStep + phase] = finish(Σ_{c, tap} weight[k, c, tap] · x[n, c, q·inStep + (phase + origin + tap·tapStep) / outStep])
//
// over the taps whose division is exact (all of them where outStep is 1). A transposed convolution of stride s has s²
// phases, each a dense convolution with its share of the taps; no work is done on zeros.
// A lane owns TILE_V times four neighbouring q of a row, SG such segments apart, and TILE_K channels; lane s loads the weight
// of channel s, and shuffles with constant lanes hand it to all.
const TILE_V: u32 = 2u;
const HALF: u32 = TILE_K / 2u;
const WEIGHTS: u32 = (TILE_K + SG - 1u) / SG;

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let blocks = (P.endChannel - P.startChannel + TILE_K - 1u) / TILE_K;
  let tiles = (P.segments + SG * TILE_V - 1u) / (SG * TILE_V);
  let phases = u32(P.outStepY * P.outStepX);
  var rest = groupIndex(group, groups);
  let k0 = P.startChannel + rest % blocks * TILE_K;
  rest /= blocks;
  let firstSegment = rest % tiles * SG * TILE_V + lane;
  rest /= tiles;
  let phaseY = i32(rest % phases) / P.outStepX;
  let phaseX = i32(rest % phases) % P.outStepX;
  let channelGroup = rest / phases;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup

  let mode = P.padMode;
  let height = i32(P.h);
  let width = i32(P.w);
  let plane = P.h * P.w;
  let channels = P.inChannels;
  var qx: array<i32, TILE_V>;
  var qy: array<i32, TILE_V>;
  var image: array<u32, TILE_V>;
  for (var j = 0u; j < TILE_V; j++) {
    let segment = min(firstSegment + j * SG, P.segments - 1u);
    let row = segment / P.rowSegments;
    qx[j] = i32(segment % P.rowSegments * 4u);
    qy[j] = i32(row % P.rows);
    image[j] = row / P.rows;
  }
  var weightAt: array<u32, WEIGHTS>;
  for (var i = 0u; i < WEIGHTS; i++) {
    weightAt[i] = channelGroup * P.weightGroup + min(k0 + i * SG + lane, P.endChannel - 1u) * P.weightOut;
  }

  var sums: array<array<vec4f, TILE_V>, TILE_K>;
  for (var ky = 0; ky < i32(P.kH); ky++) {
    let offsetY = phaseY + P.originY + ky * P.tapY;
    for (var kx = 0; kx < i32(P.kW); kx++) {
      let offsetX = phaseX + P.originX + kx * P.tapX;
      if (offsetY % P.outStepY == 0 && offsetX % P.outStepX == 0) { // uniform across the workgroup
        var at: array<array<u32, 4>, TILE_V>;
        var inside: array<array<bool, 4>, TILE_V>;
        for (var j = 0u; j < TILE_V; j++) {
          let source = (image[j] * P.groups + channelGroup) * channels * plane;
          let iy = qy[j] * P.inStepY + offsetY / P.outStepY;
          for (var e = 0; e < 4; e++) {
            let ix = (qx[j] + e) * P.inStepX + offsetX / P.outStepX;
            inside[j][e] = mode != 0u || !(outside(iy, height) || outside(ix, width));
            at[j][e] = source + u32(padded(iy, height, mode) * width + padded(ix, width, mode));
          }
        }
        let tap = u32(ky) * P.kW + u32(kx);
        for (var c = 0u; c < channels; c++) {
          var pixels: array<vec4f, TILE_V>;
          for (var j = 0u; j < TILE_V; j++) {
            for (var e = 0; e < 4; e++) { pixels[j][e] = select(0.0, f32(x[at[j][e] + c * plane]), inside[j][e]); }
          }
          var weights: array<f32, WEIGHTS>;
          for (var i = 0u; i < WEIGHTS; i++) { weights[i] = f32(weight[weightAt[i] + c * P.weightIn + tap]); }
          // two loops, not one: Mesa unrolls none with so much text, and arrays that it indexes leave the registers
          for (var i = 0u; i < HALF; i++) {
            let factor = subgroupShuffle(weights[i / SG], i % SG);
            for (var j = 0u; j < TILE_V; j++) { sums[i][j] += factor * pixels[j]; }
          }
          for (var i = HALF; i < TILE_K; i++) {
            let factor = subgroupShuffle(weights[i / SG], i % SG);
            for (var j = 0u; j < TILE_V; j++) { sums[i][j] += factor * pixels[j]; }
          }
        }
      }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  for (var j = 0u; j < TILE_V; j++) {
    let oy = u32(qy[j] * P.outStepY + phaseY);
    if (firstSegment + j * SG < P.segments && oy < P.oH) {
      for (var i = 0u; i < min(TILE_K, P.endChannel - k0); i++) {
        let channel = channelGroup * P.outChannels + k0 + i;
        let bias = biasAt(channel);
        let start = ((image[j] * P.groups * P.outChannels + channel) * P.oH + oy) * P.oW;
        for (var e = 0; e < 4; e++) {
          let ox = u32((qx[j] + e) * P.outStepX + phaseX);
          if (ox < P.oW) { y[start + ox] = T(finish(done[i][j][e], bias, start + ox)); }
        }
      }
    }
  }
}
