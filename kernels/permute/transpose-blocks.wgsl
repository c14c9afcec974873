// transpose.wgsl where rows and columns are multiples of 4. A thread turns a block of 4 × 4 in registers: four vectors of
// x, four of y. The 64 threads of a workgroup lie 8 × 8, so that both sides move in runs of 32 elements.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let across = (P.columns + 31u) / 32u;
  let down = (P.rows + 31u) / 32u;
  let index = groupIndex(group, groups);
  let line = index / across;
  let batch = line / down;
  let width = P.columns / 4u;
  let height = P.rows / 4u;
  let row = (line - batch * down) * 8u + thread / 8u;
  let column = (index - line * across) * 8u + thread % 8u;
  if (batch >= P.batches || row >= height || column >= width) { return; }
  let xAt = (batch * P.rows + 4u * row) * width + column;
  let a = x[xAt];
  let b = x[xAt + width];
  let c = x[xAt + 2u * width];
  let e = x[xAt + 3u * width];
  let yAt = (batch * P.columns + 4u * column) * height + row;
  y[yAt] = T4(a.x, b.x, c.x, e.x);
  y[yAt + height] = T4(a.y, b.y, c.y, e.y);
  y[yAt + 2u * height] = T4(a.z, b.z, c.z, e.z);
  y[yAt + 3u * height] = T4(a.w, b.w, c.w, e.w);
}
