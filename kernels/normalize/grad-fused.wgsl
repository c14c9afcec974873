// The gradient of a normalised group in one workgroup: with d = dy · weight of the value (AFFINE 2) or dy,
//   A = Σ d, B = Σ d · x̂,  dx = rstd · weight of the group (AFFINE 1) · (d − (A + x̂ · B) / n).
// A and B go out too: without weights of values they are the gradients of bias and weight.

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
  let found = stats[g];
  var a = V();
  var b = V();
  var i = start + t;
  while (i < end) {
    let stop = min(i + RUN * WG, end);
    var aRun = V();
    var bRun = V();
    for (; i < stop; i += WG) {
      var e = V(dy[i]);
      if (AFFINE == 2u) { e *= weightAt(i - start); }
      aRun += e;
      bRun += e * normalised(V(v[i]), found);
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
  for (var i = start + t; i < end; i += WG) {
    var e = V(dy[i]);
    if (AFFINE == 2u) { e *= weightAt(i - start); }
    dx[i] = VT(scale * (e - (means.x + normalised(V(v[i]), found) * means.y)));
  }
}
