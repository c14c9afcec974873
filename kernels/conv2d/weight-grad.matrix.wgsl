// Weight gradient of any convolution as an implicit matrix product on matrix units (the formula is that of
// weight-grad.taps.wgsl; lib/matrix-tile.wgsl says how a workgroup multiplies its tile): TILE output channels by TILE columns
// (c, ky, kx), summed over the pixels of one slot of rows. Both tiles have lines of pixels, which are neighbours in memory.
//
// Rows of pixels are taken in packs. A thread brings packs at the same place of its lines at every step, so that it walks over
// the pixels without a division; what a column's tap is, is written down once.
const LEFT_ALONG_K: u32 = 1u;
const RIGHT_ALONG_K: u32 = 1u;

struct Place { slot: u32, channelGroup: u32, channel: u32, column: u32 }
// A step's terms: the image, row and pack of pixels that this thread brings, where there is one, from its group's first
// channel on, and the tile's first channel.
struct Terms { at: Walk, there: bool, channels: u32, channel: u32 }
// The tap of a column: where its channel's plane begins, and its distance from the pixel. NOWHERE beyond the last column.
struct Tap { plane: u32, y: i32, x: i32 }
const NOWHERE: u32 = 0xffffffffu;
var<workgroup> taps: array<Tap, TILE>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(subgroup_id) subgroupId: u32,
  @builtin(subgroup_invocation_id) laneId: u32,
) {
  let thread = local.x;
  let subgroup = subgroupOf(thread, subgroupId);
  startUnits(thread);
  let columns = P.c * P.kH * P.kW;
  let tiles = (columns + TILE - 1u) / TILE;
  let blocks = (P.k + TILE - 1u) / TILE;
  let index = groupIndex(group, groups);
  let tile = index % (blocks * tiles);
  let rest = index / (blocks * tiles);
  let place = Place(rest / P.groups, rest % P.groups, tile % blocks * TILE, tile / blocks * TILE);
  if (place.slot >= P.slots) { return; } // uniform across the workgroup
  for (var column = thread; column < TILE; column += WG) { taps[column] = tapOf(place.column + column, columns); }
  workgroupBarrier();

  let rowPacks = (P.oW + PACK - 1u) / PACK;
  let firstRow = place.slot * P.slotRows;
  let count = (min(firstRow + P.slotRows, P.n * P.oH) - firstRow) * rowPacks;
  let step = walkTo(LEFT_PACKS, P.oH, rowPacks);
  let first = thread % LEFT_PACKS;
  var terms = termsAt(place, walkTo(firstRow * rowPacks + first, P.oH, rowPacks), first < count);
  var brought: Brought;
  var sums = noBlock();
  fetch(terms, thread, &brought);
  for (var pack = 0u; pack < count; pack += LEFT_PACKS) {
    putTiles(terms, thread, &brought);
    workgroupBarrier();
    terms = termsAt(place, walkOn(terms.at, step, P.oH, rowPacks), pack + LEFT_PACKS + first < count);
    fetch(terms, thread, &brought);
    multiplyTiles(subgroup, &sums);
    workgroupBarrier();
  }
  keepAll(place, subgroup, laneOf(thread, laneId), &sums);
}

fn termsAt(place: Place, at: Walk, there: bool) -> Terms {
  return Terms(at, there, at.high * P.groups + place.channelGroup, place.channel);
}

fn tapOf(column: u32, columns: u32) -> Tap {
  let y = i32(column / P.kW % P.kH * P.dilationY) - P.top;
  let x = i32(column % P.kW * P.dilationX) - P.left;
  return Tap(select(NOWHERE, column / (P.kH * P.kW) * P.h * P.w, column < columns), y, x);
}

fn leftPack(terms: Terms, line: u32, at: u32) -> Pack {
  let k = terms.channel + line;
  let row = ((terms.channels * P.k + k) * P.oH + terms.at.middle) * P.oW;
  return dyPack(row, terms.at.low * PACK, terms.there && k < P.k);
}

fn rightPack(terms: Terms, line: u32, at: u32) -> Fetched {
  let tap = taps[line];
  let iy = i32(terms.at.middle * P.strideY) + tap.y;
  let there = terms.there && tap.plane != NOWHERE && (P.padMode != 0u || !outside(iy, i32(P.h)));
  var found: Fetched;
  if (there) {
    let row = terms.channels * P.c * P.h * P.w + tap.plane + u32(padded(iy, i32(P.h), P.padMode)) * P.w;
    found = xPack(row, terms.at.low * PACK, tap.x);
  }
  return found;
}

fn keep(place: Place, row: u32, column: u32, low: vec4f, high: vec4f) {
  let k = place.channel + row;
  let j = place.column + column;
  if (k >= P.k) { return; }
  let line = (place.slot * P.groups + place.channelGroup) * P.k + k;
  storeFour(line, j, low);
  storeFour(line, j + 4u, high);
}
