// Four neighbouring pixels of one row, less `shift`; zero where the row has ended or another label lies. Rows start at
// a multiple of four elements when ALIGNED, and anywhere otherwise.
fn within(item: u32, p: u32) -> vec4<bool> {
  let pixel = vec4u(p, p + 1u, p + 2u, p + 3u);
  var inside = pixel < vec4u(P.pixels);
  if (MASKED == 1u) {
    let base = item * P.pixels;
    let last = base + P.pixels - 1u;
    let at = min(vec4u(base) + pixel, vec4u(last));
    let labels4 = vec4u(labelsAt(at.x), labelsAt(at.y), labelsAt(at.z), labelsAt(at.w));
    inside = inside & (labels4 == vec4u(P.label));
  }
  return inside;
}

fn centred(row: u32, p: u32, shift: f32, inside: vec4<bool>) -> vec4f {
  let e = row * P.pixels + p;
  if (ALIGNED == 1u) {
    let d = vec4f(x[e / 4u]) - shift;
    if (MASKED == 0u) { return d; }
    return select(vec4f(), d, inside);
  }
  // the four may straddle two vectors; what lies past the row is not inside
  let low = vec4f(x[e / 4u]);
  let high = vec4f(x[min(e / 4u + 1u, (P.items * P.channels * P.pixels - 1u) / 4u)]);
  var d: vec4f;
  switch e % 4u {
    case 0u: { d = low; }
    case 1u: { d = vec4f(low.yzw, high.x); }
    case 2u: { d = vec4f(low.zw, high.xy); }
    default: { d = vec4f(low.w, high.xyz); }
  }
  return select(vec4f(), d - shift, inside);
}
