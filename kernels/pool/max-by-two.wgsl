// max-pool.wgsl for windows of 2 × 2, two apart. Of equal values the first one, by rows, is the maximum.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  if (i >= P.rows * P.run) { return; }
  let block = blockOf(i);
  let a = vec4f(x[block.at]);
  let b = vec4f(x[block.at + 1u]);
  let c = vec4f(x[block.below]);
  let e = vec4f(x[block.below + 1u]);
  var best = vec4f(a.xz, b.xz);
  var place = block.first + vec4u(0u, 2u, 4u, 6u);
  let corner = place;
  for (var k = 1u; k < 4u; k++) {
    let upper = k == 1u;
    let left = k == 2u;
    let v = select(select(vec4f(c.yw, e.yw), vec4f(c.xz, e.xz), left), vec4f(a.yw, b.yw), upper);
    let larger = v > best;
    best = select(best, v, larger);
    place = select(place, corner + (k & 1u) + (k >> 1u) * 8u * P.run, larger);
  }
  y[i] = T4(best);
  argmax[i] = place;
}
