// x[c, o, r, i] = Σ y[o, k, i] over the c-th of P.chunks parts of r's list of positions k (order.wgsl), in its order.
// A thread owns one element of x: no two threads write one place. `inner` counts values of V.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let line = t / P.inner;
  let i = t - line * P.inner;
  let block = line / P.rows;
  let row = line - block * P.rows;
  let chunk = block / P.outer;
  if (chunk >= P.chunks) { return; }
  let base = (block - chunk * P.outer) * P.count * P.inner + i;
  let start = starts[row];
  let length = starts[row + 1u] - start;
  let part = (length + P.chunks - 1u) / P.chunks;
  let end = start + min((chunk + 1u) * part, length);
  var sum = V();
  for (var p = start + min(chunk * part, length); p < end; p++) { sum += V(y[base + order[p] * P.inner]); }
  x[t] = VU(sum);
}
