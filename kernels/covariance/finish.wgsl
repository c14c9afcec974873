// covariance[item, i, j] = Σ_chunks partial / (pixels - 1), one thread an element. Eight interleaved sums meet
// pairwise, so that none has more than an eighth of the chunks' terms.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups) * WG + t;
  let square = P.channels * P.channels;
  if (index >= P.items * square) { return; }
  let item = index / square;
  let i = max(index % square / P.channels, index % P.channels);
  let j = min(index % square / P.channels, index % P.channels);
  let packed = P.channels * (P.channels + 1u) / 2u;
  let first = item * P.chunks * packed + i * (i + 1u) / 2u + j;
  var low = vec4f();
  var high = vec4f();
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    let term = partial[first + chunk * packed];
    if (chunk % 8u < 4u) { low[chunk % 4u] += term; } else { high[chunk % 4u] += term; }
  }
  let sum = low + high;
  covariance[index] = ((sum.x + sum.y) + (sum.z + sum.w)) / f32(P.pixels - 1u);
}
