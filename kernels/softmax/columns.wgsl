// As rows.wgsl for x[o, r, i] over r: one thread a column, P.length values P.inner apart. The inner extent counts V.
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
  var top = V(x[start]);
  for (var i = start + P.inner; i < end; i += P.inner) { top = max(top, V(x[i])); }
  var all = V();
  for (var i = start; i < end; i += P.inner) { all += exp(V(x[i]) - top); }
  if (LOG == 1u) {
    let shift = log(all);
    for (var i = start; i < end; i += P.inner) { y[i] = VT((V(x[i]) - top) - shift); }
  } else {
    let scale = 1.0 / all;
    for (var i = start; i < end; i += P.inner) { y[i] = VT(exp(V(x[i]) - top) * scale); }
  }
}
