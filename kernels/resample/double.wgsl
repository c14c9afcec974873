// y[p, 2i + r, 2j + s] = x[p, i, j] for r, s in {0, 1}: nearest at twice the size, for rows of whole vectors.
// A thread reads one vector and writes four; HALVES: it reads half of one and writes two, one in each row, for GPUs write at
// once what neighbouring threads write side by side.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (HALVES == 1u) {
    if (i >= 2u * P.count) { return; }
    let row = i / (2u * P.width);
    let v = x[i / 2u];
    let doubled = select(v.xxyy, v.zzww, i % 2u == 1u);
    y[i + 2u * row * P.width] = doubled;
    y[i + 2u * (row + 1u) * P.width] = doubled;
    return;
  }
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
