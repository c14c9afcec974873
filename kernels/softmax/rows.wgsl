// y = softmax(x), or its logarithm (LOG 1), over rows of P.length values (V). One workgroup a row: the largest value,
// the sum of e^(x − largest), then the result; the row is read three times, from the cache after the first.
//   softmax = e^(x − max) / Σ e^(x − max)        log softmax = x − max − log Σ e^(x − max)
const HALF_LEVEL = 8u;
var<workgroup> largest: array<f32, WG>;

fn workgroupMax(t: u32, v: f32) -> f32 {
  largest[t] = v;
  workgroupBarrier();
  if (t < HALF_LEVEL) {
    var top = largest[t];
    for (var k = t + HALF_LEVEL; k < WG; k += HALF_LEVEL) { top = max(top, largest[k]); }
    largest[t] = top;
  }
  workgroupBarrier();
  var top = largest[0];
  for (var k = 1u; k < HALF_LEVEL; k++) { top = max(top, largest[k]); }
  return top;
}

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
