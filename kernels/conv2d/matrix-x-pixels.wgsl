// What a tap finds at PACK pixels of dy, for weight-grad.matrix.wgsl, one by one. In vectors: matrix-x-rows.wgsl.
alias Fetched = Pack;
fn settled(pack: Fetched) -> Pack { return pack; }

fn xPack(row: u32, ox: u32, tapX: i32) -> Fetched { return packOf(xFour(row, ox, tapX), xFour(row, ox + 4u, tapX)); }
fn xFour(row: u32, ox: u32, tapX: i32) -> vec4<E> {
  return vec4<E>(xOne(row, ox, tapX), xOne(row, ox + 1u, tapX), xOne(row, ox + 2u, tapX), xOne(row, ox + 3u, tapX));
}
// there is a value to load in any case, so no branch
fn xOne(row: u32, ox: u32, tapX: i32) -> E {
  let ix = i32(ox * P.strideX) + tapX;
  let inside = ox < P.oW && (P.padMode != 0u || !outside(ix, i32(P.w)));
  return select(E(), E(x[row + u32(padded(ix, i32(P.w), P.padMode))]), inside);
}
