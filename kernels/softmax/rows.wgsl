// y = softmax(x), or its logarithm (LOG 1), over rows of P.length values (V). One workgroup a row: the largest value,
// the sum of e^(x − largest), then the result; the row is read three times, from the cache after the first.
//   softmax = e^(x − max) / Σ e^(x − max)        log softmax = x − max − log Σ e^(x − max)
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let row = groupIndex(group, groups);
  if (row >= P.rows) { return; } // uniform across the workgroup
  let start = row * P.length;
  let end = start + P.length;
  var tops = V(x[start]);
  for (var i = start + t; i < end; i += WG) { tops = max(tops, V(x[i])); }
  let top = workgroupMax(t, highest(tops));
  var sum = V();
  for (var i = start + t; i < end; i += WG) { sum += exp(V(x[i]) - top); }
  let all = workgroupSum(t, vec2f(total(sum), 0.0)).x;
  if (LOG == 1u) {
    let shift = log(all);
    for (var i = start + t; i < end; i += WG) { y[i] = VT((V(x[i]) - top) - shift); }
  } else {
    let scale = 1.0 / all;
    for (var i = start + t; i < end; i += WG) { y[i] = VT(exp(V(x[i]) - top) * scale); }
  }
}
