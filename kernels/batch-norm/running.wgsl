// Running statistics after a batch: mean' = (1 − m) · mean + m · batch mean, and the same of the variance, whose batch
// value is unbiased (P.unbias = n / (n − 1)) or not (1). A channel whose batch is not finite keeps what it had, as weights
// do whose gradients are not: a single such batch would stay in the running statistics for good. One thread a channel.
fn isFinite(v: f32) -> bool { return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u; }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  let found = stats[c];
  let batchMean = found.x + found.y;
  let batchVariance = found.w * P.unbias;
  let usable = isFinite(batchMean) && isFinite(batchVariance);
  newMean[c] = select(mean[c], mix(mean[c], batchMean, P.momentum), usable);
  newVariance[c] = select(variance[c], mix(variance[c], batchVariance, P.momentum), usable);
}
