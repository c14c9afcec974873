// y[o, r, i] = x[o, i] · scale: the transpose of a sum over the middle run of axes. A thread owns four neighbouring
// elements of y. MODE 0: inner is a multiple of four. MODE 1: inner is 1, length a multiple of four. MODE 2: any.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (4u * i >= P.size) { return; }
  let block = P.length * P.inner;
  var v: vec4f;
  if (MODE == 0u) {
    let s = (4u * i / block) * P.inner + (4u * i) % P.inner;
    v = vec4f(vec4(x[s], x[s + 1u], x[s + 2u], x[s + 3u]));
  } else if (MODE == 1u) {
    v = vec4f(f32(x[4u * i / P.length]));
  } else {
    for (var lane = 0u; lane < 4u; lane++) {
      let e = min(4u * i + lane, P.size - 1u);
      v[lane] = f32(x[(e / block) * P.inner + e % P.inner]);
    }
  }
  y[i] = U4(v * P.scale);
}
