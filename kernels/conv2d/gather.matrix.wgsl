// Convolution and its transpose as an implicit matrix product on matrix units (the formula is that of gather.taps.wgsl;
// lib/matrix-tile.wgsl says how a workgroup multiplies its tile): TILE channels by TILE pixels of one phase.
//
// The sum runs over taps and, within a tap, over channels, STEP terms at a step. So a thread, which loads the same four
// pixels of the result at every step, looks at padding once a tap and then goes from channel to channel. Weights come
// packed in that order (pack-weights.wgsl), PARTS terms a channel. Taps that miss the phase's grid are left out. A slot is a
// part of the sum, P.slotTerms long, a multiple of the step.
const LEFT_ALONG_K: u32 = 1u;
const RIGHT_ALONG_K: u32 = 0u;
const SEGMENTS: u32 = TILE / 4u; // of four pixels

struct Place { slot: u32, channelGroup: u32, channel: u32 }
// A tap, by its number among all of the kernel's; where four neighbouring pixels of the result find it in a plane of the
// source, and which of them do. The others have a place, too, so that all can be loaded without a branch.
struct Window { tap: u32, at: vec4u, there: vec4<bool> }

const NOWHERE: u32 = 0xffffffffu;
var<workgroup> columnAt: array<u32, TILE>; // where a column's results lie from channel 0 on

fn windowOf(taps: Taps, tap: i32, segment: u32) -> Window {
  let ky = taps.first.y + tap / taps.count.x * P.gridTapY;
  let kx = taps.first.x + tap % taps.count.x * P.gridTapX;
  let height = i32(P.h);
  let width = i32(P.w);
  let qy = i32(segment / P.rowSegments % P.rows);
  let qx = i32(segment % P.rowSegments * 4u);
  let iy = qy * P.inStepY + (taps.phase.y + P.originY + ky * P.tapY) / P.outStepY;
  let offsetX = (taps.phase.x + P.originX + kx * P.tapX) / P.outStepX;
  let rowInside = P.padMode != 0u || !outside(iy, height);
  let row = u32(padded(iy, height, P.padMode)) * P.w;
  var found: Window;
  found.tap = u32(ky) * P.kW + u32(kx);
  for (var e = 0; e < 4; e++) {
    let ix = (qx + e) * P.inStepX + offsetX;
    found.at[e] = row + u32(padded(ix, width, P.padMode));
    found.there[e] = rowInside && (P.padMode != 0u || !outside(ix, width));
  }
  return found;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let thread = local.x;
  let blocks = (P.outChannels + TILE - 1u) / TILE;
  let tiles = (P.segments + SEGMENTS - 1u) / SEGMENTS;
  let phases = u32(P.outStepY * P.outStepX);
  var rest = groupIndex(group, groups);
  let k0 = rest % blocks * TILE;
  rest /= blocks;
  let segment0 = rest % tiles * SEGMENTS;
  rest /= tiles;
  let slot = rest % P.slots;
  rest /= P.slots;
  let taps = tapsOf(i32(rest % phases) / P.outStepX, i32(rest % phases) % P.outStepX);
  let place = Place(slot, rest / phases, k0);
  if (place.channelGroup >= P.groups) { return; } // uniform across the workgroup
  startUnits(lane);
  if (thread < TILE) { columnAt[thread] = resultAt(taps, segment0 + thread / 4u, thread % 4u, place.channelGroup); }

  let lines = (P.inChannels + STEP - 1u) / STEP * STEP; // of terms, a tap
  let start = slot * P.slotTerms;
  let end = min(u32(taps.count.x * taps.count.y) * lines, start + P.slotTerms);
  let segment = min(segment0 + thread % SEGMENTS, P.segments - 1u);
  let source = (segment / P.rowSegments / P.rows * P.groups + place.channelGroup) * P.inChannels;
  var tap = i32(start / lines);
  var term = start % lines;
  var window: Window;
  var left: Quads;
  var right: Quads;
  var sums: Block;
  if (start < end) {
    window = windowOf(taps, tap, segment);
    fetch(place, thread, lines, term, source, window, &left, &right);
  }
  for (var at = start; at < end; at += STEP) {
    putQuads(thread, left, right);
    workgroupBarrier();
    term += STEP;
    if (at + STEP < end) {
      if (term >= lines) {
        term = 0u;
        tap++;
        window = windowOf(taps, tap, segment);
      }
      fetch(place, thread, lines, term, source, window, &left, &right);
    }
    multiplyTiles(subgroup, &sums);
    workgroupBarrier();
  }
  workgroupBarrier();
  keepAll(place, thread, subgroup, &sums);
}

fn fetch(
  place: Place, thread: u32, lines: u32, term: u32, source: u32, window: Window,
  left: ptr<function, Quads>, right: ptr<function, Quads>,
) {
  let firstLine = (place.channelGroup * P.kH * P.kW + window.tap) * P.outChannels + place.channel;
  let plane = P.h * P.w;
  for (var q = 0u; q < rolled(QUADS); q++) {
    let a = leftQuad(thread + q * WG);
    var weights = vec4<E>();
    if (place.channel + a.x < P.outChannels) { weights = packed[((firstLine + a.x) * lines + term + a.y) / 4u]; }
    (*left)[q] = weights;

    let c = term + rightQuad(thread + q * WG).x;
    var pixels = vec4<E>();
    if (c < P.inChannels) {
      let start = (source + c) * plane;
      for (var e = 0u; e < 4u; e++) {
        pixels[e] = select(E(), E(x[start + window.at[e]]), window.there[e]);
      }
    }
    (*right)[q] = pixels;
  }
}

// Where pixel e of a segment lies in the result, in the group's first channel.
fn resultAt(taps: Taps, segment: u32, e: u32, channelGroup: u32) -> u32 {
  let row = segment / P.rowSegments;
  let oy = row % P.rows * u32(P.outStepY) + u32(taps.phase.y);
  let ox = (segment % P.rowSegments * 4u + e) * u32(P.outStepX) + u32(taps.phase.x);
  if (segment >= P.segments || oy >= P.oH || ox >= P.oW) { return NOWHERE; }
  return ((row / P.rows * P.groups + channelGroup) * P.outChannels * P.oH + oy) * P.oW + ox;
}

fn keep(place: Place, row: u32, column: u32, sum: f32) {
  let at = columnAt[column];
  let channel = place.channel + row;
  if (at != NOWHERE && channel < P.outChannels) {
    store(place.slot, place.channelGroup * P.outChannels + channel, at + channel * P.oH * P.oW, sum);
  }
}
