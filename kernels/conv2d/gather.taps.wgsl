// Convolution and its transpose for any kernel, step, dilation and group count, on subgroups of SG lanes.
//
//   y[n, k, q·outStep + phase] = finish(Σ_{c, tap} weight[k, c, tap] · x[n, c, q·inStep + (phase + origin + tap·tapStep) / outStep])
//
// over the taps whose division is exact (all of them where outStep is 1). A transposed convolution of stride s has s²
// phases, each a dense convolution with its share of the taps; no work is done on zeros.
// A lane owns four neighbouring q of a row and TILE_K channels; lane s loads the weight of channel s, and shuffles with
// constant lanes hand it to all.
const WEIGHTS: u32 = (TILE_K + SG - 1u) / SG;

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let blocks = (P.endChannel - P.startChannel + TILE_K - 1u) / TILE_K;
  let tiles = (P.segments + SG - 1u) / SG;
  let phases = u32(P.outStepY * P.outStepX);
  var rest = groupIndex(group, groups);
  let k0 = P.startChannel + rest % blocks * TILE_K;
  rest /= blocks;
  let tile = rest % tiles;
  rest /= tiles;
  let phaseY = i32(rest % phases) / P.outStepX;
  let phaseX = i32(rest % phases) % P.outStepX;
  let channelGroup = rest / phases;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup

  let segment = min(tile * SG + lane, P.segments - 1u);
  let qx = i32(segment % P.rowSegments * 4u);
  let row = segment / P.rowSegments;
  let qy = i32(row % P.rows);
  let image = row / P.rows;
  let mode = P.padMode;
  let height = i32(P.h);
  let width = i32(P.w);
  let plane = P.h * P.w;
  let channels = P.inChannels;
  let source = (image * P.groups + channelGroup) * channels * plane;
  var weightAt: array<u32, WEIGHTS>;
  for (var i = 0u; i < WEIGHTS; i++) {
    weightAt[i] = channelGroup * P.weightGroup + min(k0 + i * SG + lane, P.endChannel - 1u) * P.weightOut;
  }

  var sums: array<vec4f, TILE_K>;
  for (var ky = 0; ky < i32(P.kH); ky++) {
    let offsetY = phaseY + P.originY + ky * P.tapY;
    for (var kx = 0; kx < i32(P.kW); kx++) {
      let offsetX = phaseX + P.originX + kx * P.tapX;
      if (offsetY % P.outStepY == 0 && offsetX % P.outStepX == 0) { // uniform across the workgroup
        let iy = qy * P.inStepY + offsetY / P.outStepY;
        var at: array<u32, 4>;
        var inside: array<bool, 4>;
        for (var e = 0; e < 4; e++) {
          let ix = (qx + e) * P.inStepX + offsetX / P.outStepX;
          inside[e] = mode != 0u || !(outside(iy, height) || outside(ix, width));
          at[e] = source + u32(padded(iy, height, mode) * width + padded(ix, width, mode));
        }
        let tap = u32(ky) * P.kW + u32(kx);
        for (var c = 0u; c < channels; c++) {
          var pixels: vec4f;
          for (var e = 0; e < 4; e++) { pixels[e] = select(0.0, f32(x[at[e] + c * plane]), inside[e]); }
          var weights: array<f32, WEIGHTS>;
          for (var i = 0u; i < WEIGHTS; i++) { weights[i] = f32(weight[weightAt[i] + c * P.weightIn + tap]); }
          for (var i = 0u; i < TILE_K; i++) { sums[i] += subgroupShuffle(weights[i / SG], i % SG) * pixels; }
        }
      }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  let oy = u32(qy * P.outStepY + phaseY);
  if (tile * SG + lane < P.segments && oy < P.oH) {
    for (var i = 0u; i < min(TILE_K, P.endChannel - k0); i++) {
      let channel = channelGroup * P.outChannels + k0 + i;
      let bias = biasAt(channel);
      let start = ((image * P.groups * P.outChannels + channel) * P.oH + oy) * P.oW;
      for (var e = 0; e < 4; e++) {
        let ox = u32((qx + e) * P.outStepX + phaseX);
        if (ox < P.oW) { y[start + ox] = T(finish(done[i][e], bias, start + ox)); }
      }
    }
  }
}
