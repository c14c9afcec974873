// The gradient of a normalised group in one workgroup: with d = dy · weight of the value (AFFINE 2) or dy,
//   A = Σ d, B = Σ d · x̂,  dx = rstd · weight of the group (AFFINE 1) · (d − (A + x̂ · B) / n).
// A and B go out too: without weights of values they are the gradients of bias and weight. HELD and UNROLL as in fused.wgsl.

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
  let found = stats[g];
  var heldDy: array<VT, max(HELD, 1u)>;
  var heldV: array<VT, max(HELD, 1u)>;
  for (var k = 0u; k < HELD; k++) {
    heldDy[k] = dy[first + k * WG];
    heldV[k] = v[first + k * WG];
  }
  var a = V();
  var b = V();
  for (var k = 0u; k < HELD; k++) {
    let e = weighted(heldDy[k], first - start + k * WG);
    a += e;
    b += e * normalised(V(heldV[k]), found);
  }
  var i = first + HELD * WG;
  while (i < end) {
    let stop = min(i + RUN * WG, end);
    var aRun = V();
    var bRun = V();
    for (; i < stop; i += UNROLL * WG) {
      var given: array<VT, UNROLL>;
      var values: array<VT, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        let at = i + j * WG;
        if (j == 0u || at < stop) {
          given[j] = dy[at];
          values[j] = v[at];
        }
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && i + j * WG >= stop) { continue; }
        let e = weighted(given[j], i - start + j * WG);
        aRun += e;
        bRun += e * normalised(V(values[j]), found);
      }
    }
    a += aRun;
    b += bRun;
  }
  let both = workgroupSum(t, vec2f(total(a), total(b)));
  if (t == 0u) { sums[g] = both; }
  let means = both * P.inverseCount;
  var scale = found.z;
  if (AFFINE == 1u) {
    let c = g % P.channels;
    scale *= lane(weightAt(c / LANES), c % LANES);
  }
  for (var i = first + HELD * WG; i < end; i += UNROLL * WG) {
    var given: array<VT, UNROLL>;
    var values: array<VT, UNROLL>;
    for (var j = 0u; j < UNROLL; j++) {
      let at = i + j * WG;
      if (j == 0u || at < end) {
        given[j] = dy[at];
        values[j] = v[at];
      }
    }
    for (var j = 0u; j < UNROLL; j++) {
      let at = i + j * WG;
      if (j > 0u && at >= end) { continue; }
      let e = weighted(given[j], at - start);
      dx[at] = VT(scale * (e - (means.x + normalised(V(values[j]), found) * means.y)));
    }
  }
  for (var k = 0u; k < HELD; k++) {
    let e = weighted(heldDy[k], first - start + k * WG);
    dx[first + k * WG] = VT(scale * (e - (means.x + normalised(V(heldV[k]), found) * means.y)));
  }
}

// d of value r of a group
fn weighted(given: VT, r: u32) -> V {
  if (AFFINE == 2u) { return V(given) * weightAt(r); }
  return V(given);
}
