// Eight neighbouring halves of a row that start a half before or after an aligned vector: it is put together with a half of
// the word beside it when both have come.
struct Shifted { pack: vec4u, beside: u32 }

// whether the row of the source ends on the side to which eight halves at `ix` are moved: what is beside is padding
fn endsRow(ix: u32, shift: i32) -> bool { return select(ix + 8u >= P.w, ix == 0u, shift < 0); }

// eight halves at pixel `ix` of a row of the source, a multiple of eight, which lie at `at` unless moved
fn fetchShifted(at: u32, ix: u32, shift: i32) -> Shifted {
  let from8 = at / 8u;
  var found = Shifted(x[from8], 0u);
  if (!endsRow(ix, shift)) {
    if (shift < 0) { found.beside = x[from8 - 1u].w; }
    if (shift > 0) { found.beside = x[from8 + 1u].x; }
  }
  return found;
}

fn shifted(found: Shifted, ix: u32, shift: i32) -> vec4u {
  let p = found.pack;
  let padded = P.padMode != 0u && endsRow(ix, shift);
  // reflect finds the second half of the row again, replicate the first
  if (shift < 0) {
    let beside = select(found.beside, select(p.x << 16u, p.x, P.padMode == 1u), padded);
    return (p << vec4u(16u)) | (vec4u(beside, p.xyz) >> vec4u(16u));
  }
  if (shift > 0) {
    let beside = select(found.beside, select(p.w >> 16u, p.w, P.padMode == 1u), padded);
    return (p >> vec4u(16u)) | (vec4u(p.yzw, beside) << vec4u(16u));
  }
  return p;
}
