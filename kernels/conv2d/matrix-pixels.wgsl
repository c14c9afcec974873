// Pixels for gather.matrix.wgsl one by one, wherever they lie. In vectors: matrix-rows.wgsl.
struct Fetched { low: vec4<E>, high: vec4<E> }

// Where four neighbouring pixels of the result find a tap in channel 0 of the source, and which of them do.
struct Four { at: vec4u, there: vec4<bool> }
struct Window { low: Four, high: Four }

fn windowOf(taps: Taps, tap: i32, segment: u32, channelGroup: u32) -> Window {
  let offset = offsetOf(taps, tap);
  return Window(fourOf(offset, segment, channelGroup), fourOf(offset, segment + 1u, channelGroup));
}

fn fourOf(offset: vec2i, segment: u32, channelGroup: u32) -> Four {
  var found: Four;
  if (segment >= P.segments) { return found; }
  let iy = i32(segment / P.rowSegments % P.rows) * P.inStepY + offset.y;
  let ix = i32(segment % P.rowSegments * 4u) * P.inStepX + offset.x;
  let rowInside = P.padMode != 0u || !outside(iy, i32(P.h));
  let row = sourceOf(segment, channelGroup) + u32(padded(iy, i32(P.h), P.padMode)) * P.w;
  found.at = row + vec4u(column(ix), column(ix + P.inStepX), column(ix + 2 * P.inStepX), column(ix + 3 * P.inStepX));
  let left = vec4i(ix) + vec4i(0, 1, 2, 3) * P.inStepX;
  found.there = vec4<bool>(rowInside) & (vec4<bool>(P.padMode != 0u) | ((left >= vec4i()) & (left < vec4i(i32(P.w)))));
  return found;
}

fn column(ix: i32) -> u32 { return u32(padded(ix, i32(P.w), P.padMode)); }

// there is a value to load in any case, so no branch
fn rightPack(terms: Terms, line: u32, at: u32) -> Fetched {
  let c = terms.term + line;
  var found: Fetched;
  if (c < P.inChannels) {
    found.low = four(c * P.h * P.w + terms.window.low.at);
    if (PACK == 8u) { found.high = four(c * P.h * P.w + terms.window.high.at); }
  }
  return found;
}
fn four(at: vec4u) -> vec4<E> { return vec4<E>(E(x[at.x]), E(x[at.y]), E(x[at.z]), E(x[at.w])); }

fn settled(terms: Terms, line: u32, found: Fetched) -> Pack {
  let none = vec4<E>();
  return packOf(select(none, found.low, terms.window.low.there), select(none, found.high, terms.window.high.there));
}
