// y = f(x̂ · (1 + gamma) + beta), x̂ = (x − mean) · rstd with the statistics of one group of P.outer · P.length values (V).
// One workgroup a group: it sums its values about a shift, then reads them again, from the cache as a rule.

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
  // value k of the group is r values into its slab o; both advance without a division
  let slabs = WG / P.length;
  let rest = WG % P.length;
  var o = t / P.length;
  var r = t % P.length;
  var s = V();
  var q = V();
  var k = t;
  while (k < count) {
    let stop = min(k + RUN * WG, count);
    var sRun = V();
    var qRun = V();
    for (; k < stop; k += WG) {
      let e = V(x[placeOf(o, g, r)]) - shift;
      sRun += e;
      qRun += e * e;
      o += slabs;
      r += rest;
      if (r >= P.length) {
        r -= P.length;
        o++;
      }
    }
    s += sRun;
    q += qRun;
  }
  let found = statisticsOf(shift, workgroupSum(t, vec2f(total(s), total(q))), f32(count * LANES), P.eps);
  if (t == 0u) { stats[g] = found; }
  o = t / P.length;
  r = t % P.length;
  for (var k = t; k < count; k += WG) {
    let i = placeOf(o, g, r);
    let j = gammaOf(i, o, g);
    let xhat = standardised(V(x[i]), found);
    let v = xhat * (1.0 + V(gammaBeta[j])) + V(gammaBeta[j + betaStep()]);
    y[i] = VT(select(P.slope * v, v, v > V()));
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
}
