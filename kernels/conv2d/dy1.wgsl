// Four neighbours of dy from `at` on, zeros after the first `count`, read one at a time. By fours: dy4.wgsl.
fn dyQuad(at: u32, count: u32) -> vec4<E> {
  var quad = vec4<E>();
  for (var e = 0u; e < 4u; e++) {
    if (e < count) { quad[e] = E(dy[at + e]); }
  }
  return quad;
}
