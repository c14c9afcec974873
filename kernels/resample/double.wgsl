// y[p, 2i + r, 2j + s] = x[p, i, j] for r, s in {0, 1}: nearest at twice the size, for rows of whole vectors.
// A thread reads one vector and writes four.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  let row = i / P.width;
  let v = x[i];
  let upper = 4u * row * P.width + 2u * (i - row * P.width);
  let lower = upper + 2u * P.width;
  y[upper] = v.xxyy;
  y[upper + 1u] = v.zzww;
  y[lower] = v.xxyy;
  y[lower + 1u] = v.zzww;
}
