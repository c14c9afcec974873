// Weight gradient of any convolution, on subgroups of SG lanes.
//
//   partial[slot, k, c, tap] = Σ_{rows (n, oy) of the slot, ox} dy[n, k, oy, ox] · x[n, c, (oy, ox)·stride + tap·dilation − padding]
//
// A lane owns COLUMNS columns (c, ky, kx), SG apart, for TILE_K output channels, and walks along the rows of its slot a few
// pixels at a time. Lane s loads dy of channel s, and shuffles with constant lanes hand it to all: one for all columns.
// conv2d.sumSlots adds the slots in their order.
const CHANNELS: u32 = (TILE_K + SG - 1u) / SG; // output channels whose dy a lane loads
const PIXELS: u32 = select(2u, 4u, COLUMNS == 1u);

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let columns = P.c * P.kH * P.kW;
  let tiles = (columns + SG * COLUMNS - 1u) / (SG * COLUMNS);
  let blocks = (P.endChannel - P.startChannel + TILE_K - 1u) / TILE_K;
  var rest = groupIndex(group, groups);
  let k0 = P.startChannel + rest % blocks * TILE_K;
  rest /= blocks;
  let column0 = rest % tiles * SG * COLUMNS + lane;
  rest /= tiles;
  let channelGroup = rest % P.groups;
  let slot = rest / P.groups;
  if (slot >= P.slots) { return; } // uniform across the workgroup

  let rows = P.n * P.oH;
  let start = slot * P.slotRows;
  let end = min(start + P.slotRows, rows);
  let oW = P.oW;
  let height = i32(P.h);
  let width = i32(P.w);
  let mode = P.padMode;
  var channel: array<u32, COLUMNS>;
  var shiftY: array<i32, COLUMNS>;
  var shiftX: array<i32, COLUMNS>;
  for (var j = 0u; j < COLUMNS; j++) {
    let column = min(column0 + j * SG, columns - 1u);
    channel[j] = channelGroup * P.c + column / (P.kH * P.kW);
    shiftY[j] = i32(column / P.kW % P.kH * P.dilationY) - P.top;
    shiftX[j] = i32(column % P.kW * P.dilationX) - P.left;
  }

  var sums: array<array<f32, COLUMNS>, TILE_K>;
  for (var row = start; row < end; row++) {
    let image = row / P.oH;
    let oy = row % P.oH;
    var xRow: array<u32, COLUMNS>;
    var rowInside: array<bool, COLUMNS>;
    for (var j = 0u; j < COLUMNS; j++) {
      let iy = i32(oy * P.strideY) + shiftY[j];
      rowInside[j] = mode != 0u || !outside(iy, height);
      xRow[j] = ((image * P.groups * P.c + channel[j]) * P.h + u32(padded(iy, height, mode))) * P.w;
    }
    var dyRow: array<u32, CHANNELS>;
    for (var q = 0u; q < CHANNELS; q++) {
      let k = channelGroup * P.k + min(k0 + q * SG + lane, P.endChannel - 1u);
      dyRow[q] = ((image * P.groups * P.k + k) * P.oH + oy) * oW;
    }
    for (var ox = 0u; ox < oW; ox += PIXELS) {
      var gradients: array<array<f32, PIXELS>, CHANNELS>;
      for (var q = 0u; q < CHANNELS; q++) {
        for (var e = 0u; e < PIXELS; e++) {
          gradients[q][e] = select(0.0, f32(dy[dyRow[q] + min(ox + e, oW - 1u)]), ox + e < oW);
        }
      }
      var pixels: array<array<f32, COLUMNS>, PIXELS>;
      for (var e = 0u; e < PIXELS; e++) {
        for (var j = 0u; j < COLUMNS; j++) {
          let ix = i32((ox + e) * P.strideX) + shiftX[j];
          let value = f32(x[xRow[j] + u32(padded(ix, width, mode))]);
          pixels[e][j] = select(0.0, value, rowInside[j] && (mode != 0u || !outside(ix, width)));
        }
      }
      for (var e = 0u; e < PIXELS; e++) {
        for (var i = 0u; i < TILE_K; i++) {
          let gradient = subgroupShuffle(gradients[i / SG][e], i % SG);
          for (var j = 0u; j < COLUMNS; j++) { sums[i][j] += gradient * pixels[e][j]; }
        }
      }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  for (var i = 0u; i < min(TILE_K, P.endChannel - k0); i++) {
    let at = ((slot * P.groups + channelGroup) * P.k + k0 + i) * columns + column0;
    for (var j = 0u; j < COLUMNS; j++) {
      if (column0 + j * SG < columns) { partial[at + j * SG] = done[i][j]; }
    }
  }
}
