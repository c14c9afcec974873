// PACK pixels of a row of dy, zeros where there are none: rows hold a multiple of PACK. Else: matrix-dy1.wgsl.
fn dyPack(row: u32, ox: u32, there: bool) -> Pack {
  var pack = Pack();
  if (there) { pack = Pack(dy[(row + ox) / PACK]); }
  return pack;
}
