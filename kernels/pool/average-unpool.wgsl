// The transpose of average-pool.wgsl: x[p, i, j] = Σ y[p, u, v] / divisor(u, v) over the windows that hold (i, j).
// A thread gathers one place of STRIP neighbouring planes, in rising order of windows.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let item = itemOf(groupIndex(group, groups) * WG + thread, P.height, P.width);
  let rows = outputsAt(item.row, P.kernelH, P.strideH, P.padH, P.oHeight);
  let columns = outputsAt(item.column, P.kernelW, P.strideW, P.padW, P.oWidth);
  if (item.plane >= P.planes) { return; }
  let count = min(STRIP, P.planes - item.plane);
  let outputs = P.oHeight * P.oWidth;
  var sums = vec4f();
  for (var u = rows.x; u < rows.y; u++) {
    for (var v = columns.x; v < columns.y; v++) {
      let scale = 1.0 / f32(divisorOf(u, v));
      var output = (item.plane * P.oHeight + u) * P.oWidth + v;
      for (var k = 0u; k < count; k++) {
        sums[k] += f32(y[output]) * scale;
        output += outputs;
      }
    }
  }
  var element = (item.plane * P.height + item.row) * P.width + item.column;
  for (var k = 0u; k < count; k++) {
    x[element] = T(sums[k]);
    element += P.height * P.width;
  }
}
