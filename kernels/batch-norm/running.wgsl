// Running statistics after a batch: mean' = (1 − m) · mean + m · batch mean, and the same of the variance, whose batch
// value is unbiased (P.unbias = n / (n − 1)) or not (1). One thread a channel.
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  let found = stats[c];
  newMean[c] = mix(mean[c], found.x + found.y, P.momentum);
  newVariance[c] = mix(variance[c], found.w * P.unbias, P.momentum);
}
