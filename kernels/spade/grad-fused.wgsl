// The gradient of a group in one workgroup. With d = dy · f′, whose sign is that of y, and e = d · (1 + gamma):
//   dbeta = d,  dgamma = d · x̂,  A = Σ e,  B = Σ e · x̂,  dx = rstd · (e − (A + x̂ · B) / n).
// The second loop takes d back from dbeta, where the same thread has put it.

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
  // value k of the group is r values into its slab o; both advance without a division
  let slabs = WG / P.length;
  let rest = WG % P.length;
  var o = t / P.length;
  var r = t % P.length;
  var a = V();
  var b = V();
  var k = t;
  while (k < count) {
    let stop = min(k + RUN * WG, count);
    var aRun = V();
    var bRun = V();
    for (; k < stop; k += WG) {
      let i = placeOf(o, g, r);
      let terms = storeTerms(i, gammaOf(i, o, g), found);
      aRun += terms.e;
      bRun += terms.exhat;
      o += slabs;
      r += rest;
      if (r >= P.length) {
        r -= P.length;
        o++;
      }
    }
    a += aRun;
    b += bRun;
  }
  let means = workgroupSum(t, vec2f(total(a), total(b))) * P.inverseCount;
  o = t / P.length;
  r = t % P.length;
  for (var k = t; k < count; k += WG) {
    let i = placeOf(o, g, r);
    let j = gammaOf(i, o, g);
    let xhat = standardised(V(x[i]), found);
    let e = V(dgammaBeta[j + betaStep()]) * (1.0 + V(gammaBeta[j]));
    dx[i] = VT(found.z * (e - (means.x + xhat * means.y)));
    o += slabs;
    r += rest;
    if (r >= P.length) {
      r -= P.length;
      o++;
    }
  }
}
