// The transpose of average-pool.wgsl: x[p, i, j] = Σ y[p, u, v] / divisor(u, v) over the windows that hold (i, j).
// A thread gathers one place of STRIP neighbouring planes, in rising order of windows.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = itemOf(groupIndex(group, groups) * WG + thread, P.height, P.width);
  let rows = outputsAt(item.row, P.kernelH, P.strideH, P.padH, P.oHeight);
  let columns = outputsAt(item.column, P.kernelW, P.strideW, P.padW, P.oWidth);
  let end = min(item.plane + STRIP, P.planes);
  for (var plane = item.plane; plane < end; plane++) {
    var sum = 0.0;
    for (var u = rows.x; u < rows.y; u++) {
      for (var v = columns.x; v < columns.y; v++) {
        sum += f32(y[(plane * P.oHeight + u) * P.oWidth + v]) / f32(divisorOf(u, v));
      }
    }
    x[(plane * P.height + item.row) * P.width + item.column] = T(sum);
  }
}
