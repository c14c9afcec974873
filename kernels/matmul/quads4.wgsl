// Four neighbours of A or B from `at` on, zeros where `count` is 0: lines start and end at multiples of four. Else: quads1.wgsl.
fn aQuad(at: u32, count: u32) -> vec4<E> {
  if (count == 0u) { return vec4<E>(); }
  return vec4<E>(a[at / 4u]);
}

fn bQuad(at: u32, count: u32) -> vec4<E> {
  if (count == 0u) { return vec4<E>(); }
  return vec4<E>(b[at / 4u]);
}
