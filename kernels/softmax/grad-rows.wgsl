// Gradients over rows of P.length values (V), from the result y; one workgroup a row.
//   softmax: dx = y · (dy − Σ dy · y)        log softmax (LOG 1): dx = dy − e^y · Σ dy
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
  var sum = V();
  for (var i = start + t; i < end; i += WG) {
    if (LOG == 1u) { sum += V(dy[i]); } else { sum += V(dy[i]) * V(y[i]); }
  }
  let all = workgroupSum(t, vec2f(total(sum), 0.0)).x;
  for (var i = start + t; i < end; i += WG) {
    let v = V(y[i]);
    let e = V(dy[i]);
    if (LOG == 1u) { dx[i] = VT(e - exp(v) * all); } else { dx[i] = VT(v * (e - all)); }
  }
}
