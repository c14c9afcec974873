// dbias[c] = Σ_n sums[n, c].x, dweight[c] = Σ_n sums[n, c].y, one thread a channel, in the order of the batch.
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  var sum = vec2f();
  for (var g = c; g < P.groups; g += P.channels) { sum += sums[g]; }
  dbias[c] = U(sum.x);
  dweight[c] = U(sum.y);
}
