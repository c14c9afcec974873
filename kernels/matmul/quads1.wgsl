// Four neighbours of A or B from `at` on, zeros after the first `count`, read one at a time. By fours: quads4.wgsl.
fn aQuad(at: u32, count: u32) -> vec4<E> {
  var quad = vec4<E>();
  for (var e = 0u; e < 4u; e++) {
    if (e < count) { quad[e] = E(a[at + e]); }
  }
  return quad;
}

fn bQuad(at: u32, count: u32) -> vec4<E> {
  var quad = vec4<E>();
  for (var e = 0u; e < 4u; e++) {
    if (e < count) { quad[e] = E(b[at + e]); }
  }
  return quad;
}
