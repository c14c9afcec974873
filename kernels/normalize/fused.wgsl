// y = f((x − mean) · rstd · weight + bias), statistics over one group of P.length values (V) in a row. One workgroup a
// group: it sums its values about a shift, then takes the first HELD of each thread from its registers, and reads the
// others again, from the cache as a rule. UNROLL values are loaded before the first of them is used.
// AFFINE 0: no weight and bias. 1: one for each of P.channels groups. 2: one for each value of a group.

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
  let start = g * P.length;
  let end = start + P.length;
  let first = start + t;
  let shift = shiftOf(g);
  var held: array<VT, max(HELD, 1u)>;
  for (var k = 0u; k < HELD; k++) { held[k] = x[first + k * WG]; }
  var s = V();
  var q = V();
  for (var k = 0u; k < HELD; k++) {
    let e = V(held[k]) - shift;
    s += e;
    q += e * e;
  }
  var i = first + HELD * WG;
  while (i < end) {
    let stop = min(i + RUN * WG, end);
    var sRun = V();
    var qRun = V();
    for (; i < stop; i += UNROLL * WG) {
      var v: array<VT, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        if (j == 0u || i + j * WG < stop) { v[j] = x[i + j * WG]; }
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && i + j * WG >= stop) { continue; }
        let e = V(v[j]) - shift;
        sRun += e;
        qRun += e * e;
      }
    }
    s += sRun;
    q += qRun;
  }
  let found = statisticsOf(shift, workgroupSum(t, vec2f(total(s), total(q))), f32(P.length * LANES), P.eps);
  if (t == 0u) { stats[g] = found; }
  var w = V(1.0);
  var b = V();
  if (AFFINE == 1u) {
    let c = g % P.channels;
    w = V(lane(weightAt(c / LANES), c % LANES));
    b = V(lane(biasAt(c / LANES), c % LANES));
  }
  for (var i = first + HELD * WG; i < end; i += UNROLL * WG) {
    var v: array<VT, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      if (j == 0u || i + j * WG < end) { v[j] = x[i + j * WG]; }
    }
    for (var j = 0u; j < UNROLL; j++) {
      let at = i + j * WG;
      if (j > 0u && at >= end) { continue; }
      if (AFFINE == 2u) {
        w = weightAt(at - start);
        b = biasAt(at - start);
      }
      y[at] = finished(V(v[j]), found, w, b);
    }
  }
  for (var k = 0u; k < HELD; k++) {
    let at = first + k * WG;
    if (AFFINE == 2u) {
      w = weightAt(at - start);
      b = biasAt(at - start);
    }
    y[at] = finished(V(held[k]), found, w, b);
  }
}

fn finished(value: V, found: vec4f, w: V, b: V) -> VT {
  let v = standardised(value, found) * w + b;
  return VT(select(P.slope * v, v, v > V()));
}
