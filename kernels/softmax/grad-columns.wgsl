// As grad-rows.wgsl for x[o, r, i] over r: one thread a column, P.length values P.inner apart. The inner extent counts V.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let column = groupIndex(group, groups) * WG + thread;
  if (column >= P.outer * P.inner) { return; }
  let start = (column / P.inner) * P.length * P.inner + column % P.inner;
  let end = start + P.length * P.inner;
  var all = V();
  for (var i = start; i < end; i += P.inner) {
    if (LOG == 1u) { all += V(dy[i]); } else { all += V(dy[i]) * V(y[i]); }
  }
  for (var i = start; i < end; i += P.inner) {
    let v = V(y[i]);
    let e = V(dy[i]);
    if (LOG == 1u) { dx[i] = VT(e - exp(v) * all); } else { dx[i] = VT(v * (e - all)); }
  }
}
