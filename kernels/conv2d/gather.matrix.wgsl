// Convolution and its transpose as an implicit matrix product on matrix units (the formula is that of gather.taps.wgsl;
// lib/matrix-tile.wgsl says how a workgroup multiplies its tile): TILE channels by TILE pixels of one phase.
//
// The sum runs over taps and, within a tap, over channels, STEP terms at a step. So a thread, which brings the same pixels of
// the result at every step, looks at padding once a tap and then goes from channel to channel. Weights come packed in that
// order (pack-weights.wgsl). Taps that miss the phase's grid are left out. A slot is a part of the sum, P.slotTerms long, a
// multiple of the step. How pixels are fetched is in matrix-rows.wgsl, for aligned rows, and in matrix-pixels.wgsl, for others.
const LEFT_ALONG_K: u32 = 1u;
const RIGHT_ALONG_K: u32 = 0u;
const SEGMENTS: u32 = TILE / 4u; // of four pixels

struct Place { slot: u32, channelGroup: u32, channel: u32 }
// A step's terms from channel `term` of a tap on: the first of `rows` lines of weights, `line` values long; and where this
// thread's pixels lie in channel 0.
struct Terms { weights: u32, rows: u32, line: u32, term: u32, window: Window }

var<workgroup> segmentAt: array<vec2u, SEGMENTS>; // where four results lie from channel 0 on, and how many there are

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
  if (thread < SEGMENTS) { segmentAt[thread] = resultsAt(taps, segment0 + thread, place.channelGroup); }

  let line = (P.inChannels + STEP - 1u) / STEP * STEP; // terms of a tap
  let start = slot * P.slotTerms;
  let end = min(u32(taps.count.x * taps.count.y) * line, start + P.slotTerms);
  // of the pixels that this thread brings
  let segment = min(segment0 + thread % RIGHT_PACKS * (PACK / 4u), P.segments - 1u);
  var tap = i32(start / line);
  var terms: Terms;
  terms.rows = P.outChannels - k0;
  terms.line = line;
  terms.term = start % line;
  var brought: Brought;
  var sums = noBlock();
  if (start < end) {
    terms.window = windowOf(taps, tap, segment, place.channelGroup);
    terms.weights = weightsOf(taps, tap, place);
    fetch(terms, thread, &brought);
  }
  for (var at = start; at < end; at += STEP) {
    putTiles(terms, thread, &brought);
    workgroupBarrier();
    if (at + STEP < end) {
      terms.term += STEP;
      if (terms.term >= line) {
        terms.term = 0u;
        tap++;
        terms.window = windowOf(taps, tap, segment, place.channelGroup);
        terms.weights = weightsOf(taps, tap, place);
      }
      fetch(terms, thread, &brought);
    }
    multiplyTiles(subgroup, &sums);
    workgroupBarrier();
  }
  workgroupBarrier(); // for segmentAt, where there was no step
  keepAll(place, subgroup, laneOf(thread, laneId), &sums);
}

// the tap's place among the kernel's, by its number among the phase's
fn kernelTap(taps: Taps, tap: i32) -> vec2i {
  return taps.first + vec2i(tap % taps.count.x * P.gridTapX, tap / taps.count.x * P.gridTapY);
}

// where a tap finds pixel (0, 0) of the phase in the source
fn offsetOf(taps: Taps, tap: i32) -> vec2i {
  let kernel = kernelTap(taps, tap);
  return vec2i(
    (taps.phase.x + P.originX + kernel.x * P.tapX) / P.outStepX,
    (taps.phase.y + P.originY + kernel.y * P.tapY) / P.outStepY,
  );
}

// where channel 0 of a segment's picture begins in the source
fn sourceOf(segment: u32, channelGroup: u32) -> u32 {
  return (segment / P.rowSegments / P.rows * P.groups + channelGroup) * P.inChannels * P.h * P.w;
}

fn weightsOf(taps: Taps, tap: i32, place: Place) -> u32 {
  let kernel = kernelTap(taps, tap);
  let number = u32(kernel.y) * P.kW + u32(kernel.x);
  return (place.channelGroup * P.kH * P.kW + number) * P.outChannels + place.channel;
}

fn leftPack(terms: Terms, line: u32, at: u32) -> Pack {
  var pack = Pack();
  if (line < terms.rows) { pack = weights[((terms.weights + line) * terms.line + terms.term + at) / PACK]; }
  return pack;
}

// Where a segment lies in the result, in the group's first channel, and how many of its pixels there are.
fn resultsAt(taps: Taps, segment: u32, channelGroup: u32) -> vec2u {
  let row = segment / P.rowSegments;
  let oy = row % P.rows * u32(P.outStepY) + u32(taps.phase.y);
  let ox = segment % P.rowSegments * 4u * u32(P.outStepX) + u32(taps.phase.x);
  if (segment >= P.segments || oy >= P.oH || ox >= P.oW) { return vec2u(); }
  let at = ((row / P.rows * P.groups + channelGroup) * P.outChannels * P.oH + oy) * P.oW + ox;
  return vec2u(at, min(4u, (P.oW - ox - 1u) / u32(P.outStepX) + 1u));
}

fn keep(place: Place, row: u32, column: u32, low: vec4f, high: vec4f) {
  let channel = place.channel + row;
  if (channel >= P.outChannels) { return; }
  let number = place.channelGroup * P.outChannels + channel;
  let plane = channel * P.oH * P.oW;
  let first = segmentAt[column / 4u];
  let second = segmentAt[column / 4u + 1u];
  storeFour(place.slot, number, plane + first.x, first.y, low);
  storeFour(place.slot, number, plane + second.x, second.y, high);
}
