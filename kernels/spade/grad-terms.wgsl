// What a value of a group gives to the sums A and B: e, and e · x̂ (the formula is that of grad-fused.wgsl).
struct Terms { e: V, xhat: V }

// What is read of one value (V): x, dy, y where the activation needs it, and gamma.
struct Given { x: VT, dy: VT, y: V, gamma: VT }

// Of value i of a group, whose gamma is value j.
fn givenAt(i: u32, j: u32) -> Given {
  var given: Given;
  given.x = x[i];
  given.dy = dy[i];
  if (ACTIVE == 1u) { given.y = yAt(i); }
  given.gamma = gammaBeta[j];
  return given;
}

// dgamma and dbeta, which need no sums, are stored on the way.
fn storeTerms(j: u32, given: Given, found: vec4f) -> Terms {
  let xhat = standardised(V(given.x), found);
  var d = V(given.dy);
  // rounded as it is stored: the sums and dx are then of the same values, and those of dx cancel in f16, too
  // 2 y, because a driver may test y itself in half precision, which processors lack
  if (ACTIVE == 1u) { d = V(VT(select(P.slope * d, d, 2.0 * given.y > V()))); }
  dgammaBeta[j] = VT(d * xhat);
  dgammaBeta[j + betaStep()] = VT(d);
  return Terms(d * (1.0 + V(given.gamma)), xhat);
}

// Σ e and Σ e · x̂.
struct TermSums { e: V, exhat: V }

const RUN = 64u; // values (V) that a thread adds up before they join its sum: rounding stays near that of a pairwise sum

// The sums over the values of group g that a thread meets every WG values, from value `start` at `origin` on to `end`.
fn termsRun(start: u32, end: u32, origin: vec2u, g: u32, found: vec4f) -> TermSums {
  let step = placeIn(WG);
  var place = origin;
  var sums = TermSums(V(), V());
  var k = start;
  while (k < end) {
    let stop = min(k + RUN * WG, end);
    var run = TermSums(V(), V());
    for (; k < stop; k += UNROLL * WG) {
      var given: array<Given, UNROLL>;
      var at: array<u32, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        let i = placeOf(place.x, g, place.y);
        at[j] = gammaOf(i, place.x, g);
        if (j == 0u || k + j * WG < stop) { given[j] = givenAt(i, at[j]); }
        place = onward(place, step);
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && k + j * WG >= stop) { continue; }
        let terms = storeTerms(at[j], given[j], found);
        run.e += terms.e;
        run.exhat += terms.e * terms.xhat;
      }
    }
    sums.e += run.e;
    sums.exhat += run.exhat;
  }
  return sums;
}
