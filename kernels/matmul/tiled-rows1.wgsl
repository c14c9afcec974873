// Four neighbouring rows of A at the term that lies at `start`, read one at a time; those beyond the last are read as the last,
// and not stored. By fours: tiled-rows4.wgsl.
fn aQuad(start: u32, i: u32) -> T4 {
  let at = start + P.aRow * min(vec4u(i) + vec4u(0u, 1u, 2u, 3u), vec4u(P.m - 1u));
  return T4(a[at.x], a[at.y], a[at.z], a[at.w]);
}
