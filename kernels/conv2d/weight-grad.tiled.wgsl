// Weight gradient of any convolution as an implicit matrix product, for GPUs (the formula is that of weight-grad.taps.wgsl):
// rows are output channels, columns (quad of channels, tap, channel of the quad), terms the pixels of the result.
//
// A workgroup owns a tile of one group of channels and one slot of rows of pixels; see lib/tile.wgsl. The columns of a quad are
// channels of one tap, so a thread finds out once for four where its pixel reads and whether that is inside. The taps of the
// same channels come next, which read nearly the same pixels and are stored side by side. Neighbouring threads read
// neighbouring pixels, and walk over them without a division.
const STEP: u32 = select(16u, 8u, TILE_M * TILE_N == 16384u); // within 16 KiB
const PAD: u32 = 1u;
const FOUR: vec4u = vec4u(0u, 1u, 2u, 3u);

// column: in quads. The pixels up to `end` are those of one slot.
struct Place { slot: u32, channelGroup: u32, row: u32, column: u32, end: u32 }

// what a quad of columns reads: the first channel, and the place of a tap from the pixel's
struct Tap { channel: u32, y: i32, x: i32 }

fn allQuads() -> u32 { return (P.c + 3u) / 4u * P.kH * P.kW; }

fn tapOf(place: Place, quad: u32) -> Tap {
  let column = min(place.column + quad, allQuads() - 1u);
  let tap = column % (P.kH * P.kW);
  return Tap(
    column / (P.kH * P.kW) * 4u,
    i32(tap / P.kW * P.dilationY) - P.top,
    i32(tap % P.kW * P.dilationX) - P.left,
  );
}

// a pixel of the result: all of them counted, and (image, row, column)
struct Pixel { index: u32, at: Walk }

fn rowsAt(place: Place, share: Share, unit: u32, pixel: Pixel) -> T4 {
  var gradients = T4();
  if (pixel.index < place.end) {
    let k = min(4u * quadOf(share, unit) + place.row + FOUR, vec4u(P.k - 1u)); // those beyond are not stored
    let planes = (pixel.at.high * P.groups + place.channelGroup) * P.k;
    let at = (planes + k) * (P.oH * P.oW) + pixel.at.middle * P.oW + pixel.at.low;
    gradients = T4(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
  }
  return gradients;
}

fn columnsAt(place: Place, tap: Tap, pixel: Pixel) -> T4 {
  var ix = i32(pixel.at.low * P.strideX) + tap.x;
  var iy = i32(pixel.at.middle * P.strideY) + tap.y;
  var inside = pixel.index < place.end;
  if (P.padMode == 0u) {
    inside = inside && u32(ix) < P.w && u32(iy) < P.h; // not below 0 either
  } else {
    ix = padded(ix, i32(P.w), P.padMode);
    iy = padded(iy, i32(P.h), P.padMode);
  }
  var values = T4();
  if (inside) {
    let c = min(tap.channel + FOUR, vec4u(P.c - 1u)); // those beyond are not stored
    let planes = (pixel.at.high * P.groups + place.channelGroup) * P.c;
    let at = (planes + c) * (P.h * P.w) + u32(iy) * P.w + u32(ix);
    values = T4(x[at.x], x[at.y], x[at.z], x[at.w]);
  }
  return values;
}

// What a thread has fetched of a step: a quad of rows or two, and of columns one, two or four.
struct Fetched { rows0: T4, rows1: T4, columns0: T4, columns1: T4, columns2: T4, columns3: T4 }
alias Taps = array<Tap, 4>;

fn fetch(place: Place, taps: Taps, left: Share, pixel: Pixel) -> Fetched {
  var fetched: Fetched;
  fetched.rows0 = rowsAt(place, left, 0u, pixel);
  if (SHARE_M > 1u) { fetched.rows1 = rowsAt(place, left, 1u, pixel); }
  fetched.columns0 = columnsAt(place, taps[0], pixel);
  if (SHARE_N > 1u) { fetched.columns1 = columnsAt(place, taps[1], pixel); }
  if (SHARE_N > 2u) {
    fetched.columns2 = columnsAt(place, taps[2], pixel);
    fetched.columns3 = columnsAt(place, taps[3], pixel);
  }
  return fetched;
}

fn put(left: Share, right: Share, fetched: Fetched) {
  putRows(left, 0u, vec4f(fetched.rows0));
  if (SHARE_M > 1u) { putRows(left, 1u, vec4f(fetched.rows1)); }
  putColumns(right, 0u, vec4f(fetched.columns0));
  if (SHARE_N > 1u) { putColumns(right, 1u, vec4f(fetched.columns1)); }
  if (SHARE_N > 2u) {
    putColumns(right, 2u, vec4f(fetched.columns2));
    putColumns(right, 3u, vec4f(fetched.columns3));
  }
}

// Fetches and puts one quad at a time, for software drivers, where all that counts is how fast a text compiles.
fn bring(place: Place, left: Share, right: Share, pixel: Pixel) {
  for (var unit = 0u; unit < rolled(SHARE_M); unit++) { putRows(left, unit, vec4f(rowsAt(place, left, unit, pixel))); }
  for (var unit = 0u; unit < rolled(SHARE_N); unit++) {
    putColumns(right, unit, vec4f(columnsAt(place, tapOf(place, quadOf(right, unit)), pixel)));
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.k + TILE_M - 1u) / TILE_M;
  let tiles = (allQuads() + QUADS_N - 1u) / QUADS_N;
  let index = groupIndex(group, groups);
  let tile = tileAt(index % (blocks * tiles), blocks, tiles);
  let channelGroup = index / (blocks * tiles) % P.groups;
  let slot = index / (blocks * tiles) / P.groups;
  if (slot >= P.slots) { return; } // uniform across the workgroup
  let start = slot * P.slotRows * P.oW;
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH) * P.oW;
  let place = Place(slot, channelGroup, tile.x * TILE_M, tile.y * QUADS_N, end);

  let block = blockOf(thread);
  let left = shareOf(thread, true, QUADS_M);
  let right = shareOf(thread, true, QUADS_N);
  let taps = Taps(
    tapOf(place, quadOf(right, 0u)),
    tapOf(place, quadOf(right, 1u)),
    tapOf(place, quadOf(right, 2u)),
    tapOf(place, quadOf(right, 3u)),
  );
  let stepOn = walkTo(STEP, P.oH, P.oW);
  var pixel = Pixel(start + left.term, walkTo(start + left.term, P.oH, P.oW));
  var sums: Sums;
  var fetched: Fetched;
  if (UNROLL > 1u) { fetched = fetch(place, taps, left, pixel); }
  for (var p = start; p < end; p += STEP) {
    if (UNROLL == 1u) { bring(place, left, right, pixel); } else { put(left, right, fetched); }
    workgroupBarrier();
    pixel = Pixel(pixel.index + STEP, walkOn(pixel.at, stepOn, P.oH, P.oW));
    if (UNROLL > 1u) { fetched = fetch(place, taps, left, pixel); }
    multiplyTiles(min(STEP, end - p), block, &sums);
    workgroupBarrier();
  }
  keepBlock(place, block, &sums);
}

fn keepFour(place: Place, row: u32, quad: u32, sums: vec4f) {
  let k = place.row + row;
  let column = place.column + quad;
  if (k >= P.k || column >= allQuads()) { return; }
  let taps = P.kH * P.kW;
  let c = column / taps * 4u;
  let at = (((place.slot * P.groups + place.channelGroup) * P.k + k) * P.c + c) * taps + column % taps;
  partial[at] = sums.x;
  if (c + 1u < P.c) { partial[at + taps] = sums.y; }
  if (c + 2u < P.c) { partial[at + 2u * taps] = sums.z; }
  if (c + 3u < P.c) { partial[at + 3u * taps] = sums.w; }
}
