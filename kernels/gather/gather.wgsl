// y[o, k, i] = x[o, index[o, k, i], i] over arrays seen as [outer, axis, inner]; an index past the axis gives 0.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let line = t / P.inner;
  let o = line / P.count;
  if (o >= P.outer) { return; }
  let row = index[t];
  let value = x[(o * P.rows + min(row, P.rows - 1u)) * P.inner + t - line * P.inner];
  y[t] = select(T(), value, row < P.rows);
}
