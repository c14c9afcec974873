// What a tap finds at PACK pixels of dy, for weight-grad.matrix.wgsl, one by one. In vectors: matrix-x-rows.wgsl.
struct Fetched { low: vec4<E>, high: vec4<E> }

// there is a value to load in any case, so no branch
fn xPack(row: u32, ox: u32, tapX: i32) -> Fetched {
  var found: Fetched;
  found.low = xFour(row, ox, tapX);
  if (PACK == 8u) { found.high = xFour(row, ox + 4u, tapX); }
  return found;
}
fn xFour(row: u32, ox: u32, tapX: i32) -> vec4<E> {
  let at = row + vec4u(column(ox, tapX), column(ox + 1u, tapX), column(ox + 2u, tapX), column(ox + 3u, tapX));
  return vec4<E>(E(x[at.x]), E(x[at.y]), E(x[at.z]), E(x[at.w]));
}
fn column(ox: u32, tapX: i32) -> u32 { return u32(padded(i32(ox * P.strideX) + tapX, i32(P.w), P.padMode)); }

fn settled(terms: Terms, line: u32, found: Fetched) -> Pack {
  let ox = terms.at.low * PACK;
  return packOf(inside(found.low, ox, taps[line].x), inside(found.high, ox + 4u, taps[line].x));
}
fn inside(found: vec4<E>, ox: u32, tapX: i32) -> vec4<E> {
  let ox4 = vec4u(ox) + vec4u(0u, 1u, 2u, 3u);
  let ix = vec4i(ox4 * P.strideX) + tapX;
  let within = vec4<bool>(P.padMode != 0u) | ((ix >= vec4i()) & (ix < vec4i(i32(P.w))));
  return select(vec4<E>(), found, within & (ox4 < vec4u(P.oW)));
}
