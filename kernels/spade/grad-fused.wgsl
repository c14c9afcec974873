// The gradient of a group in one workgroup. With d = dy · f′, whose sign is that of y, and e = d · (1 + gamma):
//   dbeta = d,  dgamma = d · x̂,  A = Σ e,  B = Σ e · x̂,  dx = rstd · (e − (A + x̂ · B) / n).
// The second loop takes e and x̂ of the first HELD values of a thread from its registers, and d of the others back from
// dbeta, where the same thread has put it. UNROLL values are loaded before the first of them is used.

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
  let others = termsRun(t + HELD * WG, count, rest, g, found);
  let means = workgroupSum(t, vec2f(total(a + others.e), total(b + others.exhat))) * P.inverseCount;
  gradientRun(t + HELD * WG, count, rest, g, found, means);
  place = placeIn(t);
  for (var k = 0u; k < HELD; k++) {
    dx[placeOf(place.x, g, place.y)] = gradientOf(held[k].e, held[k].xhat, found, means);
    place = onward(place, step);
  }
}
