// Uniform numbers in [0, 1): the upper P.bits bits of each word (as many as the storage type holds exactly) over 2^bits.
// A thread draws four.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let block = groupIndex(group, groups) * WG + t;
  if (block >= P.count) { return; }
  let upper = philox(block) >> vec4u(32u - P.bits);
  y[block] = T4(vec4f(upper) * (1.0 / f32(1u << P.bits)));
}
