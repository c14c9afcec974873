// PACK neighbours on a line of A or B, zeros where the line or the place is not there: lines start and end at multiples of PACK.
// Else: packs1.wgsl.
fn aPack(start: u32, first: u32, extent: u32, there: bool) -> Pack {
  var pack = Pack();
  if (there && first < extent) { pack = Pack(a[(start + first) / PACK]); }
  return pack;
}

fn bPack(start: u32, first: u32, extent: u32, there: bool) -> Pack {
  var pack = Pack();
  if (there && first < extent) { pack = Pack(b[(start + first) / PACK]); }
  return pack;
}
