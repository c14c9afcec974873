// Convolution and its transpose as an implicit matrix product, for GPUs (the formula is that of gather.taps.wgsl): rows are
// output channels, columns pixels of one phase, terms (tap, channel) over the taps on the phase's grid, P.tapTerms for each.
//
// A workgroup owns a tile of one phase, one group of channels and one slot of terms; see lib/tile.wgsl. Weights come packed, by
// pack-tiles.wgsl. A step has one tap, so a thread finds out once where its four pixels lie and whether they are inside, and
// then walks over channels; but with FEW channels a step has several taps. The pixels of a quad lie QUADS_N apart, so that
// neighbouring threads read neighbours.
const STEP: u32 = 16u;
const PAD: u32 = 0u;
const OUTSIDE: u32 = 0xffffffffu;

// tapStep: how far taps lie apart in the source; (x, y), as in taps. The terms up to `end` are those of one slot.
struct Place { slot: u32, channelGroup: u32, row: u32, column: u32, end: u32, taps: Taps, tapStep: vec2i }

// where a pixel's window begins in the source, which may be outside, and where its picture does
struct Window { x: i32, y: i32, picture: u32 }
alias Windows = array<Window, 4>;

fn windowOf(place: Place, column: u32) -> Window {
  let pixel = min(place.column + column, P.pixels - 1u);
  let row = pixel / P.rowPixels;
  let taps = place.taps;
  return Window(
    i32(pixel % P.rowPixels) * P.inStepX + (taps.phase.x + P.originX + taps.first.x * P.tapX) / P.outStepX,
    i32(row % P.rows) * P.inStepY + (taps.phase.y + P.originY + taps.first.y * P.tapY) / P.outStepY,
    (row / P.rows * P.groups + place.channelGroup) * P.inChannels * P.h * P.w,
  );
}

// where a tap of a window reads in the first channel
fn sourceOf(place: Place, window: Window, tapX: u32, tapY: u32) -> u32 {
  var ix = window.x + i32(tapX) * place.tapStep.x;
  var iy = window.y + i32(tapY) * place.tapStep.y;
  var inside = true;
  if (P.padMode == 0u) {
    inside = u32(ix) < P.w && u32(iy) < P.h; // not below 0 either
  } else {
    ix = padded(ix, i32(P.w), P.padMode);
    iy = padded(iy, i32(P.h), P.padMode);
  }
  return select(OUTSIDE, window.picture + u32(iy) * P.w + u32(ix), inside);
}

fn sourcesOf(place: Place, windows: Windows, tapX: u32, tapY: u32) -> vec4u {
  return vec4u(
    sourceOf(place, windows[0], tapX, tapY),
    sourceOf(place, windows[1], tapX, tapY),
    sourceOf(place, windows[2], tapX, tapY),
    sourceOf(place, windows[3], tapX, tapY),
  );
}

// A term, and its tap and channel; of a step the first.
struct Term { k: u32, tapX: u32, tapY: u32, channel: u32 }

fn termAt(place: Place, k: u32) -> Term {
  let tap = k / P.tapTerms;
  let tapsX = u32(place.taps.count.x);
  return Term(k, tap % tapsX, tap / tapsX, k % P.tapTerms);
}

fn nextStep(place: Place, step: Term) -> Term {
  if (FEW == 1u) { return Term(step.k + STEP, 0u, 0u, 0u); }
  var next = Term(step.k + STEP, step.tapX, step.tapY, step.channel + STEP);
  if (next.channel == P.tapTerms) {
    next.channel = 0u;
    next.tapX++;
    if (next.tapX == u32(place.taps.count.x)) {
      next.tapX = 0u;
      next.tapY++;
    }
  }
  return next;
}

// a term of the step
fn within(place: Place, step: Term, term: u32) -> Term {
  if (FEW == 1u) { return termAt(place, step.k + term); }
  return Term(step.k + term, step.tapX, step.tapY, step.channel + term);
}

fn rowsAt(place: Place, share: Share, unit: u32, step: Term) -> U4 {
  let term = within(place, step, termOf(share, unit));
  let tapX = u32(place.taps.first.x) + term.tapX * u32(P.gridTapX);
  let tapY = u32(place.taps.first.y) + term.tapY * u32(P.gridTapY);
  let line = ((place.channelGroup * P.kH + tapY) * P.kW + tapX) * P.tapTerms + term.channel;
  let quads = (P.outChannels + 3u) / 4u;
  var rows = U4();
  if (term.k < place.end) { rows = packed[line * quads + min(place.row / 4u + quadOf(share, unit), quads - 1u)]; }
  return rows;
}

fn columnsAt(place: Place, windows: Windows, share: Share, unit: u32, step: Term, sources: vec4u) -> T4 {
  let term = within(place, step, termOf(share, unit));
  var at = sources;
  if (FEW == 1u) { at = sourcesOf(place, windows, term.tapX, term.tapY); }
  let plane = term.channel * P.h * P.w;
  let some = term.channel < P.inChannels;
  var pixels = T4();
  if (some && at.x != OUTSIDE) { pixels.x = x[at.x + plane]; }
  if (some && at.y != OUTSIDE) { pixels.y = x[at.y + plane]; }
  if (some && at.z != OUTSIDE) { pixels.z = x[at.z + plane]; }
  if (some && at.w != OUTSIDE) { pixels.w = x[at.w + plane]; }
  return pixels;
}

// What a thread has fetched of a step: two quads of rows, and of columns as many, or four where tiles are wide.
struct Fetched { rows0: U4, rows1: U4, columns0: T4, columns1: T4, columns2: T4, columns3: T4 }

fn fetch(place: Place, windows: Windows, left: Share, right: Share, step: Term) -> Fetched {
  var fetched: Fetched;
  fetched.rows0 = rowsAt(place, left, 0u, step);
  fetched.rows1 = rowsAt(place, left, 1u, step);
  let sources = sourcesOf(place, windows, step.tapX, step.tapY);
  fetched.columns0 = columnsAt(place, windows, right, 0u, step, sources);
  fetched.columns1 = columnsAt(place, windows, right, 1u, step, sources);
  if (SHARE_N == 4u) {
    fetched.columns2 = columnsAt(place, windows, right, 2u, step, sources);
    fetched.columns3 = columnsAt(place, windows, right, 3u, step, sources);
  }
  return fetched;
}

fn put(left: Share, right: Share, fetched: Fetched) {
  putRows(left, 0u, vec4f(fetched.rows0));
  putRows(left, 1u, vec4f(fetched.rows1));
  putColumns(right, 0u, vec4f(fetched.columns0));
  putColumns(right, 1u, vec4f(fetched.columns1));
  if (SHARE_N == 4u) {
    putColumns(right, 2u, vec4f(fetched.columns2));
    putColumns(right, 3u, vec4f(fetched.columns3));
  }
}

// Fetches and puts one quad at a time, for software drivers, where all that counts is how fast a text compiles.
fn bring(place: Place, windows: Windows, left: Share, right: Share, step: Term) {
  for (var unit = 0u; unit < rolled(SHARE_M); unit++) { putRows(left, unit, vec4f(rowsAt(place, left, unit, step))); }
  let sources = sourcesOf(place, windows, step.tapX, step.tapY);
  for (var unit = 0u; unit < rolled(SHARE_N); unit++) {
    putColumns(right, unit, vec4f(columnsAt(place, windows, right, unit, step, sources)));
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.outChannels + TILE_M - 1u) / TILE_M;
  let tiles = (P.pixels + TILE_N - 1u) / TILE_N;
  let phases = u32(P.outStepY * P.outStepX);
  let index = groupIndex(group, groups);
  let tile = tileAt(index % (blocks * tiles), blocks, tiles);
  var rest = index / (blocks * tiles);
  let slot = rest % P.slots;
  rest /= P.slots;
  let phase = i32(rest % phases);
  let channelGroup = rest / phases;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup
  let taps = tapsOf(phase / P.outStepX, phase % P.outStepX);
  let start = slot * P.slotTerms;
  let end = min(u32(taps.count.x * taps.count.y) * P.tapTerms, start + P.slotTerms);
  let tapStep = vec2i(P.gridTapX * P.tapX / P.outStepX, P.gridTapY * P.tapY / P.outStepY);
  let place = Place(slot, channelGroup, tile.x * TILE_M, tile.y * TILE_N, end, taps, tapStep);

  let block = blockOf(thread);
  let left = shareOf(thread, false, QUADS_M);
  let right = shareOf(thread, false, QUADS_N);
  let windows = Windows(
    windowOf(place, right.quad),
    windowOf(place, right.quad + QUADS_N),
    windowOf(place, right.quad + 2u * QUADS_N),
    windowOf(place, right.quad + 3u * QUADS_N),
  );
  var sums: Sums;
  var fetched: Fetched;
  var step = Term(start, 0u, 0u, 0u);
  if (FEW == 0u) { step = termAt(place, start); }
  if (UNROLL > 1u && start < end) { fetched = fetch(place, windows, left, right, step); }
  for (var k = start; k < end; k += STEP) {
    if (UNROLL == 1u) { bring(place, windows, left, right, step); } else { put(left, right, fetched); }
    workgroupBarrier();
    step = nextStep(place, step);
    if (UNROLL > 1u) { fetched = fetch(place, windows, left, right, step); }
    multiplyTiles(min(STEP, end - k), block, &sums);
    workgroupBarrier();
  }
  keepBlock(place, block, &sums);
}

fn keepFour(place: Place, row: u32, quad: u32, sums: vec4f) {
  let k = place.row + row;
  if (k >= P.outChannels) { return; }
  let channel = place.channelGroup * P.outChannels + k;
  keepPixel(place, channel, quad, sums.x);
  keepPixel(place, channel, quad + QUADS_N, sums.y);
  keepPixel(place, channel, quad + 2u * QUADS_N, sums.z);
  keepPixel(place, channel, quad + 3u * QUADS_N, sums.w);
}

fn keepPixel(place: Place, channel: u32, column: u32, sum: f32) {
  let pixel = place.column + column;
  let row = pixel / P.rowPixels;
  let ox = pixel % P.rowPixels * u32(P.outStepX) + u32(place.taps.phase.x);
  let oy = row % P.rows * u32(P.outStepY) + u32(place.taps.phase.y);
  if (pixel >= P.pixels || ox >= P.oW || oy >= P.oH) { return; }
  let plane = row / P.rows * P.groups * P.outChannels + channel;
  store(place.slot, channel, (plane * P.oH + oy) * P.oW + ox, sum);
}
