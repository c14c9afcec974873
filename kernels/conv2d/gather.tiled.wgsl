// Convolution and its transpose as an implicit matrix product, for GPUs (the formula is that of gather.taps.wgsl).
//
// A workgroup of 256 threads owns 64 channels by 64 pixels of one phase; the sum runs over r = (c, tap), 16 at a step.
// Each step brings a 16 x 64 tile of weights and one of pixels, gathered as it is loaded, into workgroup memory; then a
// thread multiplies its 4 x 4 block. Taps that miss the phase's grid are left out of r. Rows of the weight tile are one
// vector longer than they hold, to spread the writes over the banks.
const STEP: u32 = 16u;
const BLOCKS: u32 = 16u; // vectors of four in 64
const PITCH: u32 = BLOCKS + 1u;

var<workgroup> weightTile: array<vec4f, STEP * PITCH>;
var<workgroup> pixelTile: array<vec4f, STEP * BLOCKS>;

// the first tap of an axis whose position falls on the phase's grid
fn firstTap(start: i32, taps: i32, step: i32, grid: i32) -> i32 {
  for (var tap = 0; tap < taps; tap++) {
    if ((start + tap * step) % grid == 0) { return tap; }
  }
  return taps;
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.outChannels + 63u) / 64u;
  let tiles = (P.segments + BLOCKS - 1u) / BLOCKS;
  let phases = u32(P.outStepY * P.outStepX);
  var rest = groupIndex(group, groups);
  let k0 = rest % blocks * 64u;
  rest /= blocks;
  let tile = rest % tiles;
  rest /= tiles;
  let phaseY = i32(rest % phases) / P.outStepX;
  let phaseX = i32(rest % phases) % P.outStepX;
  let channelGroup = rest / phases;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup

  let firstY = firstTap(phaseY + P.originY, i32(P.kH), P.tapY, P.outStepY);
  let firstX = firstTap(phaseX + P.originX, i32(P.kW), P.tapX, P.outStepX);
  let tapsY = u32((i32(P.kH) - firstY + P.gridTapY - 1) / P.gridTapY);
  let tapsX = u32((i32(P.kW) - firstX + P.gridTapX - 1) / P.gridTapX);
  let taps = tapsY * tapsX;
  let terms = P.inChannels * taps;

  // the segment that this thread loads is also the one whose products it stores
  let segment = min(tile * BLOCKS + thread % BLOCKS, P.segments - 1u);
  let qx = i32(segment % P.rowSegments * 4u);
  let row = segment / P.rowSegments;
  let qy = i32(row % P.rows);
  let image = row / P.rows;
  let height = i32(P.h);
  let width = i32(P.w);
  let source = (image * P.groups + channelGroup) * P.inChannels;
  let weightColumn = thread % STEP;
  let weightChannel = k0 + thread / STEP * 4u;

  var sums: array<vec4f, 4>;
  for (var r0 = 0u; r0 < terms; r0 += STEP) {
    var weights = vec4f();
    if (r0 + weightColumn < terms) {
      let r = r0 + weightColumn;
      let ky = u32(firstY) + r % taps / tapsX * u32(P.gridTapY);
      let kx = u32(firstX) + r % tapsX * u32(P.gridTapX);
      let at = channelGroup * P.weightGroup + r / taps * P.weightIn + ky * P.kW + kx;
      for (var e = 0u; e < 4u; e++) {
        if (weightChannel + e < P.outChannels) { weights[e] = f32(weight[at + (weightChannel + e) * P.weightOut]); }
      }
    }
    weightTile[weightColumn * PITCH + thread / STEP] = weights;

    var pixels = vec4f();
    let r = r0 + thread / BLOCKS;
    if (r < terms) {
      let ky = firstY + i32(r % taps / tapsX) * P.gridTapY;
      let kx = firstX + i32(r % tapsX) * P.gridTapX;
      let iy = qy * P.inStepY + (phaseY + P.originY + ky * P.tapY) / P.outStepY;
      let rowInside = P.padMode != 0u || !outside(iy, height);
      let start = ((source + r / taps) * P.h + u32(padded(iy, height, P.padMode))) * P.w;
      let offsetX = (phaseX + P.originX + kx * P.tapX) / P.outStepX;
      for (var e = 0; e < 4; e++) {
        let ix = (qx + e) * P.inStepX + offsetX;
        if (rowInside && (P.padMode != 0u || !outside(ix, width))) {
          pixels[e] = f32(x[start + u32(padded(ix, width, P.padMode))]);
        }
      }
    }
    pixelTile[thread] = pixels;
    workgroupBarrier();
    for (var step = 0u; step < STEP; step++) {
      let a = weightTile[step * PITCH + thread / BLOCKS];
      let b = pixelTile[step * BLOCKS + thread % BLOCKS];
      for (var i = 0u; i < 4u; i++) { sums[i] = fma(vec4f(a[i]), b, sums[i]); }
    }
    workgroupBarrier();
  }

  let oy = u32(qy * P.outStepY + phaseY);
  if (tile * BLOCKS + thread % BLOCKS < P.segments && oy < P.oH) {
    for (var i = 0u; i < 4u; i++) {
      let k = k0 + thread / BLOCKS * 4u + i;
      if (k < P.outChannels) {
        let channel = channelGroup * P.outChannels + k;
        let bias = biasAt(channel);
        let start = ((image * P.groups * P.outChannels + channel) * P.oH + oy) * P.oW;
        for (var e = 0; e < 4; e++) {
          let ox = u32((qx + e) * P.outStepX + phaseX);
          if (ox < P.oW) { y[start + ox] = T(finish(sums[i][e], bias, start + ox)); }
        }
      }
    }
  }
}
