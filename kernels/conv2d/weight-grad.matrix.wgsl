// Weight gradient of any convolution as an implicit matrix product on matrix units (the formula is that of
// weight-grad.taps.wgsl; lib/matrix-tile.wgsl says how a workgroup multiplies its tile): TILE output channels by TILE columns
// (c, ky, kx), summed over the pixels of one slot of rows. Both tiles have lines of pixels, which are neighbours in memory.
//
// Rows of pixels are taken in fours. A thread loads fours at the same place of its lines at every step, so that it knows its
// columns' taps from the start and walks over the pixels without a division.
const LEFT_ALONG_K: u32 = 1u;
const RIGHT_ALONG_K: u32 = 1u;
const FOURS: u32 = STEP / 4u; // of a line
const LINES: u32 = WG / FOURS; // that all threads load at once

struct Place { slot: u32, channelGroup: u32, channel: u32, column: u32 }
// The tap of a column: where its channel's plane begins, and its distance from the pixel. NOWHERE beyond the last column.
struct Tap { plane: u32, y: i32, x: i32 }
const NOWHERE: u32 = 0xffffffffu;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let thread = local.x;
  let columns = P.c * P.kH * P.kW;
  let tiles = (columns + TILE - 1u) / TILE;
  let blocks = (P.k + TILE - 1u) / TILE;
  let index = groupIndex(group, groups);
  let tile = index % (blocks * tiles);
  let rest = index / (blocks * tiles);
  let place = Place(rest / P.groups, rest % P.groups, tile % blocks * TILE, tile / blocks * TILE);
  if (place.slot >= P.slots) { return; } // uniform across the workgroup
  startUnits(lane);

  var taps: array<Tap, QUADS>;
  for (var q = 0u; q < rolled(QUADS); q++) { taps[q] = tapOf(place.column + thread / FOURS + q * LINES, columns); }
  let rowFours = (P.oW + 3u) / 4u;
  let firstRow = place.slot * P.slotRows;
  let count = (min(firstRow + P.slotRows, P.n * P.oH) - firstRow) * rowFours;
  let step = walkTo(FOURS, P.oH, rowFours);
  var at = walkTo(firstRow * rowFours + thread % FOURS, P.oH, rowFours); // image, row, four of pixels

  var left: Quads;
  var right: Quads;
  var sums: Block;
  fetch(place, thread, at, thread % FOURS < count, &taps, &left, &right);
  for (var four = 0u; four < count; four += FOURS) {
    putQuads(thread, left, right);
    workgroupBarrier();
    at = walkOn(at, step, P.oH, rowFours);
    fetch(place, thread, at, four + FOURS + thread % FOURS < count, &taps, &left, &right);
    multiplyTiles(subgroup, &sums);
    workgroupBarrier();
  }
  keepAll(place, thread, subgroup, &sums);
}

fn tapOf(column: u32, columns: u32) -> Tap {
  let y = i32(column / P.kW % P.kH * P.dilationY) - P.top;
  let x = i32(column % P.kW * P.dilationX) - P.left;
  return Tap(select(NOWHERE, column / (P.kH * P.kW) * P.h * P.w, column < columns), y, x);
}

fn fetch(
  place: Place, thread: u32, at: Walk, there: bool,
  taps: ptr<function, array<Tap, QUADS>>, left: ptr<function, Quads>, right: ptr<function, Quads>,
) {
  let ox = at.low * 4u;
  let pixels = min(P.oW - ox, 4u); // of the four that the row has
  let height = i32(P.h);
  let width = i32(P.w);
  let channels = at.high * P.groups + place.channelGroup;
  for (var q = 0u; q < rolled(QUADS); q++) {
    let k = place.channel + thread / FOURS + q * LINES;
    let gradient = ((channels * P.k + k) * P.oH + at.middle) * P.oW + ox;
    (*left)[q] = dyQuad(gradient, select(0u, pixels, there && k < P.k));

    let tap = (*taps)[q];
    let iy = i32(at.middle * P.strideY) + tap.y;
    var found = vec4<E>();
    if (there && tap.plane != NOWHERE && (P.padMode != 0u || !outside(iy, height))) {
      let row = channels * P.c * P.h * P.w + tap.plane + u32(padded(iy, height, P.padMode)) * P.w;
      for (var e = 0u; e < 4u; e++) {
        let ix = i32((ox + e) * P.strideX) + tap.x;
        // there is a value to load in either case, so no branch
        let inside = e < pixels && (P.padMode != 0u || !outside(ix, width));
        found[e] = select(E(), E(x[row + u32(padded(ix, width, P.padMode))]), inside);
      }
    }
    (*right)[q] = found;
  }
}

fn keep(place: Place, row: u32, column: u32, sum: f32) {
  let columns = P.c * P.kH * P.kW;
  let k = place.channel + row;
  let j = place.column + column;
  if (k < P.k && j < columns) {
    partial[((place.slot * P.groups + place.channelGroup) * P.k + k) * columns + j] = sum;
  }
}
