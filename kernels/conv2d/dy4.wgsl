// Four neighbours of dy from `at` on, zeros where `count` is 0: rows hold a multiple of four. Else: dy1.wgsl.
fn dyQuad(at: u32, count: u32) -> vec4<E> {
  if (count == 0u) { return vec4<E>(); }
  return vec4<E>(dy[at / 4u]);
}
