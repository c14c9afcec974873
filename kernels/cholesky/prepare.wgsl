// w = the lower triangle of (A + jitter I) 4^-k in rows of P.stride numbers, a multiple of 32; behind the matrix the
// identity, whose factor is itself. One workgroup a row; each looks at the whole diagonal to find k.
var<workgroup> tops: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups);
  if (index >= P.batch * P.stride) { return; } // uniform across the workgroup
  let n = P.n;
  let item = index / P.stride;
  let i = index % P.stride;
  let base = item * n * n;
  var top = 0.0;
  for (var d = t; d < n; d += WG) { top = max(top, a[base + d * n + d] + P.jitter); }
  tops[t] = top;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (t < half) { tops[t] = max(tops[t], tops[t + half]); }
    workgroupBarrier();
  }
  let k = halfExponent(tops[0]);
  let scale = powerOfTwo(-2 * k);
  for (var j = t; j < P.stride; j += WG) {
    var value = select(0.0, 1.0, i == j);
    if (i < n) {
      value = 0.0;
      if (j <= i) { value = (a[base + i * n + j] + select(0.0, P.jitter, i == j)) * scale; }
    }
    w[index * P.stride + j] = value;
  }
  if (i == 0u && t == 0u) {
    info[item] = 0u;
    exponent[item] = f32(k);
  }
}
