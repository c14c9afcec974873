// Weight gradient of any convolution, on subgroups of SG lanes.
//
//   partial[slot, k, c, tap] = Σ_{rows (n, oy) of the slot, ox} dy[n, k, oy, ox] · x[n, c, (oy, ox)·stride + tap·dilation − padding]
//
// A lane owns one column (c, ky, kx) for TILE_K output channels and walks along the rows of its slot four pixels at a
// time. Lane s loads dy of channel s, and shuffles with constant lanes hand it to all. conv2d.sumSlots adds the slots in
// their order.
const CHANNELS: u32 = (TILE_K + SG - 1u) / SG; // output channels whose dy a lane loads

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let columns = P.c * P.kH * P.kW;
  let tiles = (columns + SG - 1u) / SG;
  let blocks = (P.endChannel - P.startChannel + TILE_K - 1u) / TILE_K;
  var rest = groupIndex(group, groups);
  let k0 = P.startChannel + rest % blocks * TILE_K;
  rest /= blocks;
  let tile = rest % tiles;
  rest /= tiles;
  let channelGroup = rest % P.groups;
  let slot = rest / P.groups;
  if (slot >= P.slots) { return; } // uniform across the workgroup

  let column = min(tile * SG + lane, columns - 1u);
  let channel = channelGroup * P.c + column / (P.kH * P.kW);
  let shiftY = i32(column / P.kW % P.kH * P.dilationY) - P.top;
  let shiftX = i32(column % P.kW * P.dilationX) - P.left;
  let rows = P.n * P.oH;
  let start = slot * P.slotRows;
  let end = min(start + P.slotRows, rows);
  let oW = P.oW;
  let width = i32(P.w);
  let mode = P.padMode;

  var sums: array<f32, TILE_K>;
  for (var row = start; row < end; row++) {
    let image = row / P.oH;
    let oy = row % P.oH;
    let iy = i32(oy * P.strideY) + shiftY;
    let rowInside = mode != 0u || !outside(iy, i32(P.h));
    let xRow = ((image * P.groups * P.c + channel) * P.h + u32(padded(iy, i32(P.h), mode))) * P.w;
    var dyRow: array<u32, CHANNELS>;
    for (var q = 0u; q < CHANNELS; q++) {
      let k = channelGroup * P.k + min(k0 + q * SG + lane, P.endChannel - 1u);
      dyRow[q] = ((image * P.groups * P.k + k) * P.oH + oy) * oW;
    }
    for (var ox = 0u; ox < oW; ox += 4u) {
      var gradients: array<vec4f, CHANNELS>;
      for (var q = 0u; q < CHANNELS; q++) {
        for (var e = 0u; e < 4u; e++) {
          gradients[q][e] = select(0.0, f32(dy[dyRow[q] + min(ox + e, oW - 1u)]), ox + e < oW);
        }
      }
      var pixels: vec4f;
      for (var e = 0u; e < 4u; e++) {
        let ix = i32((ox + e) * P.strideX) + shiftX;
        let value = f32(x[xRow + u32(padded(ix, width, mode))]);
        pixels[e] = select(0.0, value, rowInside && (mode != 0u || !outside(ix, width)));
      }
      for (var i = 0u; i < TILE_K; i++) {
        sums[i] += dot(subgroupShuffle(gradients[i / SG], i % SG), pixels);
      }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  if (tile * SG + lane < columns) {
    for (var i = 0u; i < min(TILE_K, P.endChannel - k0); i++) {
      partial[((slot * P.groups + channelGroup) * P.k + k0 + i) * columns + column] = done[i];
    }
  }
}
