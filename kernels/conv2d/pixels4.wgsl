// Six pixels of a row from `left` on: the middle four are a vector, inside the row, where rows hold a multiple of four and
// windows start one pixel before a multiple of four. One at a time: pixels1.wgsl.
fn storedPixel(at: u32) -> f32 { return f32(x[at / 4u][at % 4u]); }

fn sixPixels(start: u32, left: i32, rowInside: bool) -> array<f32, 6> {
  let middle = select(vec4f(), vec4f(x[(start + u32(left + 1)) / 4u]), rowInside);
  return array<f32, 6>(
    pixelAt(start, left, rowInside),
    middle.x,
    middle.y,
    middle.z,
    middle.w,
    pixelAt(start, left + 5, rowInside),
  );
}
