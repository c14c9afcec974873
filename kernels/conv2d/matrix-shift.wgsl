// Eight neighbouring halves of a row that start a half before or after an aligned vector, which is then put together with a
// half of the word beside it. `end` says that the row ends on that side: what is beside is padding.
struct Shifted { pack: vec4u, beside: u32, shift: i32, end: bool }

fn shifted(found: Shifted) -> vec4u {
  let p = found.pack;
  // reflect finds the second half of the row again, replicate the first
  let first = select(0u, select(p.x << 16u, p.x, P.padMode == 1u), P.padMode != 0u);
  let last = select(0u, select(p.w >> 16u, p.w, P.padMode == 1u), P.padMode != 0u);
  if (found.shift < 0) {
    return (p << vec4u(16u)) | (vec4u(select(found.beside, first, found.end), p.xyz) >> vec4u(16u));
  }
  if (found.shift > 0) {
    return (p >> vec4u(16u)) | (vec4u(p.yzw, select(found.beside, last, found.end)) << vec4u(16u));
  }
  return p;
}

// eight halves of a row of the source at pixel `ix` of the row, a multiple of eight, moved by `shift`, on their way from memory
fn fetchShifted(at: u32, ix: u32, shift: i32) -> Shifted {
  let from8 = at / 8u;
  let end = select(ix + 8u >= P.w, ix == 0u, shift < 0);
  var found = Shifted(x[from8], 0u, shift, end);
  if (!end) {
    if (shift < 0) { found.beside = x[from8 - 1u].w; }
    if (shift > 0) { found.beside = x[from8 + 1u].x; }
  }
  return found;
}
