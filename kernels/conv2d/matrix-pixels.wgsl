// Pixels for gather.matrix.wgsl one by one, wherever they lie. In vectors: matrix-rows.wgsl.
alias Fetched = Pack;
fn settled(pack: Fetched) -> Pack { return pack; }

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

fn rightPack(terms: Terms, line: u32, at: u32) -> Fetched {
  let c = terms.term + line;
  if (c >= P.inChannels) { return Pack(); }
  let start = c * P.h * P.w;
  let low = four(start, terms.window.low);
  if (PACK == 4u) { return packOf(low, vec4<E>()); }
  return packOf(low, four(start, terms.window.high));
}

// there is a value to load in any case, so no branch
fn four(start: u32, from4: Four) -> vec4<E> {
  let at = start + from4.at;
  return select(vec4<E>(), vec4<E>(E(x[at.x]), E(x[at.y]), E(x[at.z]), E(x[at.w])), from4.there);
}
