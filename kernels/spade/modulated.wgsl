// f(x̂ · (1 + gamma) + beta) of one value (V); f multiplies negative values by P.slope.
fn modulated(value: V, found: vec4f, gamma: V, beta: V) -> VT {
  let v = standardised(value, found) * (1.0 + gamma) + beta;
  return VT(select(P.slope * v, v, v > V()));
}

// y of the values of group g that a thread meets every WG values, from value `start` at `origin` on to `end`.
fn modulateRun(start: u32, end: u32, origin: vec2u, g: u32, found: vec4f) {
  let step = placeIn(WG);
  var place = origin;
  for (var k = start; k < end; k += UNROLL * WG) {
    var v: array<VT, UNROLL>;
    var gamma: array<VT, UNROLL>;
    var beta: array<VT, UNROLL>;
    var at: array<u32, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = placeOf(place.x, g, place.y);
      if (j == 0u || k + j * WG < end) {
        v[j] = x[at[j]];
        let to = gammaOf(at[j], place.x, g);
        gamma[j] = gammaBeta[to];
        beta[j] = gammaBeta[to + betaStep()];
      }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= end) { continue; }
      y[at[j]] = modulated(V(v[j]), found, V(gamma[j]), V(beta[j]));
    }
  }
}
