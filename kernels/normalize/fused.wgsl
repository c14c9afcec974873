// y = f((x − mean) · rstd · weight + bias), statistics over one group of P.length values (V) in a row. One workgroup a
// group: it sums its values about a shift, then reads them again, from the cache as a rule.
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
  let shift = shiftOf(g);
  var s = V();
  var q = V();
  var i = start + t;
  while (i < end) {
    let stop = min(i + RUN * WG, end);
    var sRun = V();
    var qRun = V();
    for (; i < stop; i += WG) {
      let e = V(x[i]) - shift;
      sRun += e;
      qRun += e * e;
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
  for (var i = start + t; i < end; i += WG) {
    if (AFFINE == 2u) {
      w = weightAt(i - start);
      b = biasAt(i - start);
    }
    let v = standardised(V(x[i]), found) * w + b;
    y[i] = VT(select(P.slope * v, v, v > V()));
  }
}
