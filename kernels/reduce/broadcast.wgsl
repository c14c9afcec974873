// y[o, r, i] = x[o, i] · scale: the transpose of a sum over the middle run of axes. A thread owns four neighbouring
// elements of y. MODE 0: inner is a multiple of four. MODE 1: inner is 1, length a multiple of four. MODE 2: any.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = groupIndex(group, groups) * WG + thread;
  if (4u * i >= P.size) { return; }
  let block = P.length * P.inner;
  var v: vec4f;
  if (MODE == 0u) {
    v = vec4f(x[((4u * i / block) * P.inner + (4u * i) % P.inner) / 4u]);
  } else if (MODE == 1u) {
    let source = 4u * i / block;
    v = vec4f(f32(x[source / 4u][source % 4u]));
  } else {
    for (var lane = 0u; lane < 4u; lane++) {
      let e = min(4u * i + lane, P.size - 1u);
      let source = (e / block) * P.inner + e % P.inner;
      v[lane] = f32(x[source / 4u][source % 4u]);
    }
  }
  y[i] = U4(v * P.scale);
}
