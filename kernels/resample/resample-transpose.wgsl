// The transpose of resample.wgsl: x[a, j, i] = Σ_o (weights with which o reads j) · y[a, o, i].
// The outputs that may read j lie in one run about (j − offset) / slope, `reach` wide; those at the ends of the axis go on
// to its end. Weights come from the forward pass's own function, so those that do not read j add nothing. A thread owns
// one (j, i) of STRIP neighbouring a and sums in rising order of o. `inner` counts values of V, KIND is as in resample.wgsl.
const STRIP = 4u;

fn weightInto(o: u32, j: i32) -> f32 {
  let taps = tapsOf(o);
  let w = taps.weights;
  if (KIND == 0u) { return select(0.0, w.x, j >= taps.first && j < taps.first + i32(taps.count)); }
  let last = vec4i(i32(P.n) - 1);
  let given = select(vec4f(), w, clamp(vec4i(taps.first) + vec4i(0, 1, 2, 3), vec4i(), last) == vec4i(j));
  if (KIND == 2u) { return given.x + given.y; }
  return ((given.x + given.y) + given.z) + given.w;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let run = P.n * P.inner;
  let strip = t / run;
  let k = t - strip * run;
  let first = strip * STRIP;
  if (first >= P.outer) { return; }
  let j = k / P.inner;
  let i = k - j * P.inner;
  let last = i32(P.m) - 1;
  var low = 0;
  var high = last;
  if (P.slope > 0.0) {
    let centre = (f32(j) - P.offset) / P.slope;
    let reach = P.reach / P.slope + 0.25; // rounding of the centre stays below that up to 2^20 outputs
    if (j > 0u) { low = clamp(i32(floor(centre - reach)), 0, last); }
    if (j + 1u < P.n) { high = clamp(i32(ceil(centre + reach)), 0, last); }
  }
  // rows of y past the last a repeat it, and are not stored
  let a1 = min(1u, P.outer - 1u - first) * P.m * P.inner;
  let a2 = min(2u, P.outer - 1u - first) * P.m * P.inner;
  let a3 = min(3u, P.outer - 1u - first) * P.m * P.inner;
  var yAt = (first * P.m + u32(low)) * P.inner + i;
  var s0 = V();
  var s1 = V();
  var s2 = V();
  var s3 = V();
  for (var o = low; o <= high; o++) {
    let weight = weightInto(u32(o), i32(j));
    if (weight != 0.0) {
      s0 += weight * V(y[yAt]);
      s1 += weight * V(y[yAt + a1]);
      s2 += weight * V(y[yAt + a2]);
      s3 += weight * V(y[yAt + a3]);
    }
    yAt += P.inner;
  }
  let xAt = first * run + k;
  x[xAt] = VT(s0);
  if (first + 1u < P.outer) { x[xAt + run] = VT(s1); }
  if (first + 2u < P.outer) { x[xAt + 2u * run] = VT(s2); }
  if (first + 3u < P.outer) { x[xAt + 3u * run] = VT(s3); }
}
