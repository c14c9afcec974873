// Four neighbouring columns of B at the term that lies at `start`, read one at a time; those beyond the last are read as the last,
// and not stored. By fours: tiled-columns4.wgsl.
fn bQuad(start: u32, j: u32) -> T4 {
  let at = start + P.bColumn * min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(P.n - 1u));
  return T4(b[at.x], b[at.y], b[at.z], b[at.w]);
}
