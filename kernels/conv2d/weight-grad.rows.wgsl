// Weight gradient of convolutions with kernels three wide, steps of 1 or 2 and no dilation along x, on subgroups.
//
//   partial[slot, k, c, ky, kx] = Σ_{rows (n, oy) of the slot, ox} dy[n, k, oy, ox] · x[n, c, oy·STRIDE + ky·d − top, ox·STRIDE + kx − left]
//
// A lane owns COLUMNS columns (c, ky), SG apart, with their three kx, for TILE_K output channels. It walks along the rows of
// its slot four pixels at a time and keeps the pixels that the next window needs again. Lane s loads dy of channel s, and shuffles with
// constant lanes hand it to all. conv2d.sumSlots adds the slots in their order.
const KW: u32 = 3u;
const COLUMNS: u32 = 2u / STRIDE; // more than ten pixels to load take seconds to compile
const HALF: u32 = TILE_K / 2u;
const CARRY: u32 = KW - STRIDE;
const WINDOW: u32 = 3u * STRIDE + KW;
const CHANNELS: u32 = (TILE_K + SG - 1u) / SG; // output channels whose dy a lane loads

fn pixel(row: u32, ix: i32, rowInside: bool) -> f32 {
  let width = i32(P.w);
  let value = f32(x[row + u32(padded(ix, width, P.padMode))]);
  return select(0.0, value, rowInside && (P.padMode != 0u || !outside(ix, width)));
}

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let columns = P.c * P.kH;
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

  var channel: array<u32, COLUMNS>;
  var shift: array<i32, COLUMNS>;
  for (var j = 0u; j < COLUMNS; j++) {
    let column = min(column0 + j * SG, columns - 1u);
    channel[j] = channelGroup * P.c + column / P.kH;
    shift[j] = i32(column % P.kH * P.dilationY) - P.top;
  }
  let rows = P.n * P.oH;
  let start = slot * P.slotRows;
  let end = min(start + P.slotRows, rows);
  let oW = P.oW;
  let left = P.left;

  var sums: array<array<array<f32, KW>, COLUMNS>, TILE_K>;
  for (var row = start; row < end; row++) {
    let image = row / P.oH;
    let oy = row % P.oH;
    var rowInside: array<bool, COLUMNS>;
    var xRow: array<u32, COLUMNS>;
    for (var j = 0u; j < COLUMNS; j++) {
      let iy = i32(oy * STRIDE) + shift[j];
      rowInside[j] = P.padMode != 0u || !outside(iy, i32(P.h));
      xRow[j] = ((image * P.groups * P.c + channel[j]) * P.h + u32(padded(iy, i32(P.h), P.padMode))) * P.w;
    }
    var dyRow: array<u32, CHANNELS>;
    for (var q = 0u; q < CHANNELS; q++) {
      let k = channelGroup * P.k + min(k0 + q * SG + lane, P.endChannel - 1u);
      dyRow[q] = ((image * P.groups * P.k + k) * P.oH + oy) * oW;
    }
    var carry: array<array<f32, CARRY>, COLUMNS>;
    for (var j = 0u; j < COLUMNS; j++) {
      for (var t = 0u; t < CARRY; t++) { carry[j][t] = pixel(xRow[j], i32(t) - left, rowInside[j]); }
    }
    for (var ox = 0u; ox < oW; ox += 4u) {
      var gradients: array<vec4f, CHANNELS>;
      for (var q = 0u; q < CHANNELS; q++) {
        for (var e = 0u; e < 4u; e++) {
          gradients[q][e] = select(0.0, f32(dy[dyRow[q] + min(ox + e, oW - 1u)]), ox + e < oW);
        }
      }
      var taps: array<array<vec4f, KW>, COLUMNS>;
      for (var j = 0u; j < COLUMNS; j++) {
        var pixels: array<f32, WINDOW>;
        for (var t = 0u; t < CARRY; t++) { pixels[t] = carry[j][t]; }
        for (var t = CARRY; t < WINDOW; t++) { pixels[t] = pixel(xRow[j], i32(ox * STRIDE + t) - left, rowInside[j]); }
        for (var t = 0u; t < CARRY; t++) { carry[j][t] = pixels[t + 4u * STRIDE]; }
        for (var kx = 0u; kx < KW; kx++) {
          taps[j][kx] = vec4f(pixels[kx], pixels[kx + STRIDE], pixels[kx + 2u * STRIDE], pixels[kx + 3u * STRIDE]);
        }
      }
      // two loops, not one: Mesa unrolls none with so much text, and arrays that it indexes leave the registers
      for (var i = 0u; i < HALF; i++) {
        let gradient = subgroupShuffle(gradients[i / SG], i % SG);
        for (var j = 0u; j < COLUMNS; j++) {
          for (var kx = 0u; kx < KW; kx++) { sums[i][j][kx] += dot(gradient, taps[j][kx]); }
        }
      }
      for (var i = HALF; i < TILE_K; i++) {
        let gradient = subgroupShuffle(gradients[i / SG], i % SG);
        for (var j = 0u; j < COLUMNS; j++) {
          for (var kx = 0u; kx < KW; kx++) { sums[i][j][kx] += dot(gradient, taps[j][kx]); }
        }
      }
    }
  }

  var done = sums; // a copy that may be indexed by a variable, so that the sums themselves stay in registers
  for (var j = 0u; j < COLUMNS; j++) {
    let column = column0 + j * SG;
    if (column < columns) {
      for (var i = 0u; i < min(TILE_K, P.endChannel - k0); i++) {
        let at = (((slot * P.groups + channelGroup) * P.k + k0 + i) * columns + column) * KW;
        for (var kx = 0u; kx < KW; kx++) { partial[at + kx] = done[i][j][kx]; }
      }
    }
  }
}
