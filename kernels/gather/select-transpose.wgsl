// The transpose of select.wgsl: x[c, o, r, i] = Σ y[o, k, i] over those k of chunk c with index[k] = r, in rising order.
// A thread owns one element of one chunk: no two threads write one place, and the order never varies. `inner` counts
// values of V.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let t = groupIndex(group, groups) * WG + thread;
  let line = t / P.inner;
  let i = t - line * P.inner;
  let block = line / P.rows;
  let row = line - block * P.rows;
  let chunk = block / P.outer;
  let o = block - chunk * P.outer;
  if (chunk >= P.chunks) { return; }
  let first = chunk * P.chunk;
  let end = min(first + P.chunk, P.count);
  let base = o * P.count * P.inner + i;
  var sum = V();
  for (var k = first; k < end; k++) {
    if (index[k] == row) { sum += V(y[base + k * P.inner]); }
  }
  x[t] = VU(sum);
}
