// L with L Lᵀ = A + jitter I for n <= 88, one workgroup a matrix, the packed lower triangle in workgroup memory.
//
//     L_ij = (A_ij - Σ_{k<j} L_ik L_jk) / L_jj        L_jj = sqrt(A_jj - Σ_{k<j} L_jk²)
//
// Column by column; each thread owns every WG-th row below the diagonal. A is scaled by a power of four, which rounds
// nothing, so that no intermediate over- or underflows.
const SIZE = 3916u; // 88 · 89 / 2
var<workgroup> m: array<f32, SIZE>;
var<workgroup> tops: array<f32, WG>;

fn slot(i: u32, j: u32) -> u32 { return i * (i + 1u) / 2u + j; }

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let item = groupIndex(group, groups);
  if (item >= P.batch) { return; } // uniform across the workgroup
  let n = P.n;
  let base = item * n * n;
  var top = 0.0;
  for (var i = t; i < n; i += WG) { top = max(top, a[base + i * n + i] + P.jitter); }
  tops[t] = top;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (t < half) { tops[t] = max(tops[t], tops[t + half]); }
    workgroupBarrier();
  }
  let k = halfExponent(tops[0]);
  let scale = powerOfTwo(-2 * k);
  for (var e = t; e < n * n; e += WG) {
    let i = e / n;
    let j = e % n;
    if (j <= i) { m[slot(i, j)] = (a[base + e] + select(0.0, P.jitter, i == j)) * scale; }
  }
  workgroupBarrier();

  var fail = 0u;
  for (var j = 0u; j < n; j++) {
    let rowJ = slot(j, 0u);
    for (var i = j + t; i < n; i += WG) {
      let rowI = slot(i, 0u);
      var sum = m[rowI + j];
      for (var c = 0u; c < j; c++) { sum = fma(-m[rowI + c], m[rowJ + c], sum); }
      m[rowI + j] = sum;
    }
    let pivot = workgroupUniformLoad(&m[rowJ + j]); // a barrier before and behind
    if (!positive(pivot)) {
      fail = j + 1u;
      break;
    }
    let root = sqrt(pivot);
    for (var i = j + t; i < n; i += WG) { m[slot(i, j)] = select(m[slot(i, j)] / root, root, i == j); }
    workgroupBarrier();
  }

  let unscale = powerOfTwo(k);
  for (var e = t; e < n * n; e += WG) {
    let i = e / n;
    let j = e % n;
    var value = 0.0;
    if (j <= i) { value = finished(m[slot(i, j)] * unscale, i, j, fail); }
    l[base + e] = value;
  }
  if (t == 0u) { info[item] = fail; }
}
