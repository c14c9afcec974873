// What value i of a group, whose gamma is value j, gives to the sums A and B: e and e · x̂ (the formula is that of
// grad-fused.wgsl). dgamma and dbeta, which need no sums, are stored on the way.
struct Terms { e: V, exhat: V }

fn storeTerms(i: u32, j: u32, found: vec4f) -> Terms {
  let xhat = standardised(V(x[i]), found);
  var d = V(dy[i]);
  // rounded as it is stored: the sums and dx are then of the same values, and those of dx cancel in f16, too
  // 2 y, because a driver may test y itself in half precision, which processors lack
  if (ACTIVE == 1u) { d = V(VT(select(P.slope * d, d, 2.0 * yAt(i) > V()))); }
  dgammaBeta[j] = VT(d * xhat);
  dgammaBeta[j + betaStep()] = VT(d);
  let e = d * (1.0 + V(gammaBeta[j]));
  return Terms(e, e * xhat);
}
