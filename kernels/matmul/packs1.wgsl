// PACK neighbours on a line of A or B, zeros where the line or the place is not there, read one at a time. At once: packs16.wgsl.
// There is a value to load in any case, so no branch.
fn aPack(start: u32, first: u32, extent: u32, there: bool) -> Pack {
  let at = select(0u, start, there);
  let end = select(0u, extent, there);
  return packOf(aFour(at, first, extent, end), aFour(at, first + 4u, extent, end));
}
fn aFour(start: u32, i: u32, extent: u32, end: u32) -> vec4<E> {
  let i4 = vec4u(i) + vec4u(0u, 1u, 2u, 3u);
  let at = start + min(i4, vec4u(extent - 1u));
  return select(vec4<E>(), vec4<E>(E(a[at.x]), E(a[at.y]), E(a[at.z]), E(a[at.w])), i4 < vec4u(end));
}

fn bPack(start: u32, first: u32, extent: u32, there: bool) -> Pack {
  let at = select(0u, start, there);
  let end = select(0u, extent, there);
  return packOf(bFour(at, first, extent, end), bFour(at, first + 4u, extent, end));
}
fn bFour(start: u32, i: u32, extent: u32, end: u32) -> vec4<E> {
  let i4 = vec4u(i) + vec4u(0u, 1u, 2u, 3u);
  let at = start + min(i4, vec4u(extent - 1u));
  return select(vec4<E>(), vec4<E>(E(b[at.x]), E(b[at.y]), E(b[at.z]), E(b[at.w])), i4 < vec4u(end));
}
