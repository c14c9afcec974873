// Convolution with kernels three wide, steps of 1 or 2 and no dilation along x, on subgroups of SG lanes.
//
//   y[n, k, oy, ox] = finish(Σ_{c, ky, kx} weight[k, c, ky, kx] · x[n, c, oy·STRIDE + originY + ky·tapY, ox·STRIDE + windowX + kx])
//
// A lane owns TILE_V segments of four output pixels of one row and TILE_K channels; segments are numbered through all
// rows and images, so that narrow maps fill the lanes. For each (c, ky) a lane loads the part of its windows that no
// neighbour has and takes the rest from the next lane; lane s loads weight s, and shuffles with constant lanes hand it
// to all. One rolled loop, few loads in the text: both decide on software Vulkan.
const KW: u32 = 3u;
const TILE_V: u32 = 2u; // segments
const OWN: u32 = 4u * STRIDE; // columns of a window that this lane loads
const WINDOW: u32 = 3u * STRIDE + KW;
const WEIGHTS: u32 = (TILE_K * KW + SG - 1u) / SG;

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let blocks = (P.endChannel - P.startChannel + TILE_K - 1u) / TILE_K;
  let tiles = (P.segments + SG * TILE_V - 1u) / (SG * TILE_V);
  var rest = groupIndex(group, groups);
  let k0 = P.startChannel + rest % blocks * TILE_K;
  rest /= blocks;
  let firstSegment = rest % tiles * SG * TILE_V;
  let channelGroup = rest / tiles;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup

  let mode = P.padMode;
  let height = i32(P.h);
  let width = i32(P.w);
  let channels = P.inChannels;
  let originY = P.originY;

  var column: array<array<u32, WINDOW>, TILE_V>;
  var inside: array<array<bool, WINDOW>, TILE_V>;
  var last: array<bool, TILE_V>; // the next lane does not continue this lane's row
  var top: array<i32, TILE_V>;
  var plane: array<u32, TILE_V>;
  var resultAt: array<u32, TILE_V>; // of channel 0
  var resultPixels: array<u32, TILE_V>; // of the segment, that exist
  for (var j = 0u; j < TILE_V; j++) {
    let number = firstSegment + j * SG + lane;
    let segment = min(number, P.segments - 1u);
    let row = segment / P.rowSegments;
    let ox = (segment - row * P.rowSegments) * 4u;
    let image = row / P.oH;
    let oy = row - image * P.oH;
    last[j] = lane == SG - 1u || ox + 4u >= P.oW;
    top[j] = i32(oy * STRIDE) + originY;
    plane[j] = (image * P.groups + channelGroup) * channels;
    resultAt[j] = (image * P.groups * P.outChannels * P.oH + oy) * P.oW + ox;
    resultPixels[j] = select(0u, min(4u, P.oW - ox), number < P.segments);
    for (var t = 0u; t < WINDOW; t++) {
      let ix = i32(ox * STRIDE + t) + P.windowX;
      inside[j][t] = mode != 0u || !outside(ix, width);
      column[j][t] = u32(padded(ix, width, mode));
    }
  }
  var weightAt: array<u32, WEIGHTS>;
  for (var q = 0u; q < WEIGHTS; q++) {
    let slot = q * SG + lane;
    let kx = min(slot / TILE_K, KW - 1u);
    let k = min(k0 + slot % TILE_K, P.endChannel - 1u);
    weightAt[q] = channelGroup * P.weightGroup + k * P.weightOut + select(kx, KW - 1u - kx, P.tapX < 0);
  }

  // where the whole tile lies in one row, rows of zero padding are skipped
  let firstRow = firstSegment / P.rowSegments;
  let lastRow = (min(firstSegment + SG * TILE_V, P.segments) - 1u) / P.rowSegments;
  let skips = mode == 0u && firstRow == lastRow;
  let tileTop = i32(firstRow % P.oH * STRIDE) + originY;

  var sums: array<array<vec4f, TILE_V>, TILE_K>;
  for (var c = 0u; c < channels; c++) {
    for (var ky = 0u; ky < P.kH; ky++) {
      let shift = i32(ky) * P.tapY;
      if (!skips || !outside(tileTop + shift, height)) {
        var pixels: array<array<f32, WINDOW>, TILE_V>;
        for (var j = 0u; j < TILE_V; j++) {
          let iy = top[j] + shift;
          let rowInside = mode != 0u || !outside(iy, height);
          let row = ((plane[j] + c) * P.h + u32(padded(iy, height, mode))) * P.w;
          for (var t = 0u; t < OWN; t++) {
            pixels[j][t] = select(0.0, f32(x[row + column[j][t]]), rowInside && inside[j][t]);
          }
          if (last[j]) {
            for (var t = OWN; t < WINDOW; t++) {
              pixels[j][t] = select(0.0, f32(x[row + column[j][t]]), rowInside && inside[j][t]);
            }
          }
          for (var t = OWN; t < WINDOW; t++) {
            let next = subgroupShuffle(pixels[j][t - OWN], (lane + 1u) % SG);
            pixels[j][t] = select(next, pixels[j][t], last[j]);
          }
        }
        let weightRow = c * P.weightIn + ky * KW;
        var weights: array<f32, WEIGHTS>;
        for (var q = 0u; q < WEIGHTS; q++) { weights[q] = f32(weight[weightRow + weightAt[q]]); }
        var taps: array<array<vec4f, TILE_V>, KW>;
        for (var kx = 0u; kx < KW; kx++) {
          for (var j = 0u; j < TILE_V; j++) {
            taps[kx][j] = vec4f(
              pixels[j][kx],
              pixels[j][kx + STRIDE],
              pixels[j][kx + 2u * STRIDE],
              pixels[j][kx + 3u * STRIDE],
            );
          }
        }
        // a loop for each tap: Mesa unrolls none around this much text, and arrays that it indexes leave the registers
        for (var i = 0u; i < TILE_K; i++) {
          let factor = subgroupShuffle(weights[i / SG], i % SG);
          for (var j = 0u; j < TILE_V; j++) { sums[i][j] += factor * taps[0][j]; }
        }
        for (var i = 0u; i < TILE_K; i++) {
          let factor = subgroupShuffle(weights[(TILE_K + i) / SG], (TILE_K + i) % SG);
          for (var j = 0u; j < TILE_V; j++) { sums[i][j] += factor * taps[1][j]; }
        }
        for (var i = 0u; i < TILE_K; i++) {
          let factor = subgroupShuffle(weights[(2u * TILE_K + i) / SG], (2u * TILE_K + i) % SG);
          for (var j = 0u; j < TILE_V; j++) { sums[i][j] += factor * taps[2][j]; }
        }
      }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  let resultPlane = P.oH * P.oW;
  for (var j = 0u; j < TILE_V; j++) {
    for (var i = 0u; i < min(TILE_K, P.endChannel - k0); i++) {
      let channel = channelGroup * P.outChannels + k0 + i;
      let bias = biasAt(channel);
      let start = resultAt[j] + channel * resultPlane;
      for (var e = 0u; e < 4u; e++) {
        if (e < resultPixels[j]) { y[start + e] = T(finish(done[i][j][e], bias, start + e)); }
      }
    }
  }
}
