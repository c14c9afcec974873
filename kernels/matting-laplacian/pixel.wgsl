// The colour of a pixel in steps of 1/255: whole numbers, whose differences are exact.
fn pixelAt(i: u32) -> vec3f {
  let p = pixels[i];
  return vec3f(f32(p & 255u), f32((p >> 8u) & 255u), f32((p >> 16u) & 255u));
}
