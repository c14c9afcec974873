// Pixels for gather.matrix.wgsl where eight halves of the source lie together: neighbours in the result are neighbours there,
// rows are as long, a multiple of eight, and a tap moves them by a pixel at most. Else: matrix-pixels.wgsl.
alias Fetched = Shifted;
fn settled(terms: Terms, line: u32, found: Fetched) -> Pack {
  return shifted(found, terms.window.x, terms.window.shift);
}

// Where this thread's vector lies in channel 0 of the source and in its row, whether it does, and how the tap moves it.
struct Window { at: u32, x: u32, there: bool, shift: i32 }

fn windowOf(taps: Taps, tap: i32, segment: u32, channelGroup: u32) -> Window {
  let offset = offsetOf(taps, tap);
  let iy = i32(segment / P.rowSegments % P.rows) * P.inStepY + offset.y;
  let ix = segment % P.rowSegments * 4u;
  let at = sourceOf(segment, channelGroup) + u32(padded(iy, i32(P.h), P.padMode)) * P.w + ix;
  return Window(at, ix, P.padMode != 0u || !outside(iy, i32(P.h)), offset.x);
}

fn rightPack(terms: Terms, line: u32, at: u32) -> Fetched {
  let c = terms.term + line;
  let window = terms.window;
  var found: Fetched;
  if (window.there && c < P.inChannels) { found = fetchShifted(window.at + c * P.h * P.w, window.x, window.shift); }
  return found;
}
