// What a tap finds at eight pixels of dy, for weight-grad.matrix.wgsl, where eight halves lie together: rows of x are as long as
// those of dy, a multiple of eight, and taps are a pixel away at most. Else: matrix-x-pixels.wgsl.
alias Fetched = Shifted;
fn settled(terms: Terms, line: u32, found: Fetched) -> Pack {
  return shifted(found, terms.at.low * PACK, taps[line].x);
}
fn xPack(row: u32, ox: u32, tapX: i32) -> Fetched { return fetchShifted(row + ox, ox, tapX); }
