// y = f(x̂ · (1 + gamma) + beta), x̂ = (x − mean) · rstd with the statistics of one group of P.outer · P.length values (V).
// One workgroup a group: it sums its values about a shift, then takes the first HELD of each thread from its registers, and
// reads the others again, from the cache as a rule. UNROLL values are loaded before the first of them is used.

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
  let shift = shiftOf(g);
  let step = placeIn(WG);
  var place = placeIn(t);
  var held: array<VT, max(HELD, 1u)>;
  for (var k = 0u; k < HELD; k++) {
    held[k] = x[placeOf(place.x, g, place.y)];
    place = onward(place, step);
  }
  let rest = place;
  var s = V();
  var q = V();
  for (var k = 0u; k < HELD; k++) {
    let e = V(held[k]) - shift;
    s += e;
    q += e * e;
  }
  var k = t + HELD * WG;
  while (k < count) {
    let stop = min(k + RUN * WG, count);
    var sRun = V();
    var qRun = V();
    for (; k < stop; k += UNROLL * WG) {
      var v: array<VT, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || k + j * WG < stop) { v[j] = x[placeOf(place.x, g, place.y)]; }
        place = onward(place, step);
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && k + j * WG >= stop) { continue; }
        let e = V(v[j]) - shift;
        sRun += e;
        qRun += e * e;
      }
    }
    s += sRun;
    q += qRun;
  }
  let found = statisticsOf(shift, workgroupSum(t, vec2f(total(s), total(q))), f32(count * LANES), P.eps);
  if (t == 0u) { stats[g] = found; }
  modulateRun(t + HELD * WG, count, rest, g, found);
  place = placeIn(t);
  for (var k = 0u; k < HELD; k++) {
    let i = placeOf(place.x, g, place.y);
    let j = gammaOf(i, place.x, g);
    y[i] = modulated(V(held[k]), found, V(gammaBeta[j]), V(gammaBeta[j + betaStep()]));
    place = onward(place, step);
  }
}
