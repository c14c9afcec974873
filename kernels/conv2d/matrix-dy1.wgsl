// PACK pixels of a row of dy, zeros beyond its end or where there are none, read one at a time. At once: matrix-dy16.wgsl.
// There is a value to load in any case, so no branch.
fn dyPack(row: u32, ox: u32, there: bool) -> Pack {
  let at = select(0u, row, there);
  let end = select(0u, P.oW, there);
  return packOf(dyFour(at, ox, end), dyFour(at, ox + 4u, end));
}
fn dyFour(row: u32, ox: u32, end: u32) -> vec4<E> {
  let ox4 = vec4u(ox) + vec4u(0u, 1u, 2u, 3u);
  let at = row + min(ox4, vec4u(P.oW - 1u));
  return select(vec4<E>(), vec4<E>(E(dy[at.x]), E(dy[at.y]), E(dy[at.z]), E(dy[at.w])), ox4 < vec4u(end));
}
