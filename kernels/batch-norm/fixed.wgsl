// Statistics in the form that the normalising kernels read, from a mean and a variance. One thread a channel.
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  let v = f32(variance[c]);
  stats[c] = vec4f(f32(mean[c]), 0.0, 1.0 / sqrt(v + P.eps), v);
}
