// The gradient of a group in one workgroup. With d = dy · f′, whose sign is that of y, and e = d · (1 + gamma):
//   dbeta = d,  dgamma = d · x̂,  A = Σ e,  B = Σ e · x̂,  dx = rstd · (e − (A + x̂ · B) / n).
// The second loop takes e and x̂ of the first HELD values of a thread from its registers, and d of the others back from
// dbeta, where the same thread has put it. UNROLL values are loaded before the first of them is used.

const RUN = 64u; // values (V) that a thread adds up before they join its sum: rounding stays near that of a pairwise sum

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let g = groupIndex(group, groups);
  if (g >= P.groups) { return; } // uniform across the workgroup
  let count = P.outer * P.length;
  let found = stats[g];
  let step = placeIn(WG);
  var place = placeIn(t);
  var a = V();
  var b = V();
  var held: array<Terms, max(HELD, 1u)>;
  for (var k = 0u; k < HELD; k++) {
    let i = placeOf(place.x, g, place.y);
    let j = gammaOf(i, place.x, g);
    held[k] = storeTerms(j, givenAt(i, j), found);
    a += held[k].e;
    b += held[k].e * held[k].xhat;
    place = onward(place, step);
  }
  let rest = place;
  var k = t + HELD * WG;
  while (k < count) {
    let stop = min(k + RUN * WG, count);
    var aRun = V();
    var bRun = V();
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
        aRun += terms.e;
        bRun += terms.e * terms.xhat;
      }
    }
    a += aRun;
    b += bRun;
  }
  let means = workgroupSum(t, vec2f(total(a), total(b))) * P.inverseCount;
  place = rest;
  for (var k = t + HELD * WG; k < count; k += UNROLL * WG) {
    var values: array<VT, UNROLL>;
    var d: array<VT, UNROLL>;
    var gamma: array<VT, UNROLL>;
    var at: array<u32, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      at[j] = placeOf(place.x, g, place.y);
      if (j == 0u || k + j * WG < count) {
        values[j] = x[at[j]];
        d[j] = dgammaBeta[gammaOf(at[j], place.x, g) + betaStep()];
        gamma[j] = gammaBeta[gammaOf(at[j], place.x, g)];
      }
      place = onward(place, step);
    }
    for (var j = 0u; j < UNROLL; j++) {
      if (j > 0u && k + j * WG >= count) { continue; }
      let terms = Terms(V(d[j]) * (1.0 + V(gamma[j])), standardised(V(values[j]), found));
      dx[at[j]] = gradientOf(terms, found, means);
    }
  }
  place = placeIn(t);
  for (var k = 0u; k < HELD; k++) {
    dx[placeOf(place.x, g, place.y)] = gradientOf(held[k], found, means);
    place = onward(place, step);
  }
}

fn gradientOf(terms: Terms, found: vec4f, means: vec2f) -> VT {
  return VT(found.z * (terms.e - (means.x + terms.xhat * means.y)));
}
