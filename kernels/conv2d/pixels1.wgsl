// Six pixels of a row from `left` on, one at a time. Four of them at once: pixels4.wgsl.
fn storedPixel(at: u32) -> f32 { return f32(x[at]); }

fn sixPixels(start: u32, left: i32, rowInside: bool) -> array<f32, 6> {
  return array<f32, 6>(
    pixelAt(start, left, rowInside),
    pixelAt(start, left + 1, rowInside),
    pixelAt(start, left + 2, rowInside),
    pixelAt(start, left + 3, rowInside),
    pixelAt(start, left + 4, rowInside),
    pixelAt(start, left + 5, rowInside),
  );
}
