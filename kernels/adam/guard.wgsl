// control = (scale, ok, norm, failed): takes the loss scale out of the gradients, clips their global norm to P.maxNorm
// (0: no clipping) and forbids the update when the norm is not finite or an `info` is not 0.
// scale = unscale · min(1, maxNorm / (norm + 1e-6)), as PyTorch's clip_grad_norm_ on unscaled gradients, where unscale is
// 1 / lossScale, a power of two: its exponent with the other sign. One workgroup; the partial sums meet pairwise.
var<workgroup> sums: array<f32, WG>;
var<workgroup> failures: array<u32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_id) local: vec3u) {
  let t = local.x;
  var total = 0.0;
  for (var i = t; i < P.parts; i += WG) { total += part[i]; }
  var failed = 0u;
  for (var i = t; i < P.infos; i += WG) { failed = max(failed, infoAt(i)); }
  sums[t] = total;
  failures[t] = failed;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (t < half) {
      sums[t] += sums[t + half];
      failures[t] = max(failures[t], failures[t + half]);
    }
    workgroupBarrier();
  }
  if (t > 0u) { return; }
  var unscale = 1.0;
  if (HAS_SCALE == 1u) { unscale = bitcast<f32>((254u << 23u) - bitcast<u32>(lossScaleAt(0u))); }
  let norm = sqrt(sums[0]) * unscale;
  let finite = (bitcast<u32>(sums[0]) & 0x7f800000u) != 0x7f800000u;
  var scale = 1.0;
  if (P.maxNorm > 0.0) { scale = min(1.0, P.maxNorm / (norm + 1e-6)); }
  control[0] = scale * unscale;
  control[1] = select(0.0, 1.0, finite && failures[0] == 0u);
  control[2] = norm;
  control[3] = f32(failures[0]);
}
