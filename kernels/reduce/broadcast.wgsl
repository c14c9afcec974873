// y[o, r, i] = x[o, i] · scale: the transpose of a sum over the middle run of axes.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.outer * P.length * P.inner) { return; }
  let source = (i / (P.length * P.inner)) * P.inner + i % P.inner;
  y[i] = U(f32(x[source]) * P.scale);
}
