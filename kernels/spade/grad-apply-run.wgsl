// dx of the values of group g that a thread meets every WG values, from value `start` at `origin` on to `end`: d is taken back
// from dbeta.
fn gradientOf(e: V, xhat: V, found: vec4f, means: vec2f) -> VT {
  return VT(found.z * (e - (means.x + xhat * means.y)));
}

fn gradientRun(start: u32, end: u32, origin: vec2u, g: u32, found: vec4f, means: vec2f) {
  let step = placeIn(WG);
  var place = origin;
  for (var k = start; k < end; k += UNROLL * WG) {
    var values: array<VT, UNROLL>;
    var d: array<VT, UNROLL>;
    var gamma: array<VT, UNROLL>;
    var at: array<u32, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = placeOf(place.x, g, place.y);
      if (j == 0u || k + j * WG < end) {
        values[j] = x[at[j]];
        d[j] = dgammaBeta[gammaOf(at[j], place.x, g) + betaStep()];
        gamma[j] = gammaBeta[gammaOf(at[j], place.x, g)];
      }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= end) { continue; }
      let e = V(d[j]) * (1.0 + V(gamma[j]));
      dx[at[j]] = gradientOf(e, standardised(V(values[j]), found), found, means);
    }
  }
}
