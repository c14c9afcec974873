// x[p, i, j] = Σ y[p, u, v] over the windows (u, v) that hold (i, j) and whose argmax it is.
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
  let own = item.row * P.width + item.column;
  if (item.plane >= P.planes) { return; }
  let count = min(STRIP, P.planes - item.plane);
  let outputs = P.oHeight * P.oWidth;
  var sums = vec4f();
  for (var u = rows.x; u < rows.y; u++) {
    for (var v = columns.x; v < columns.y; v++) {
      var output = (item.plane * P.oHeight + u) * P.oWidth + v;
      for (var k = 0u; k < count; k++) {
        sums[k] += select(0.0, f32(y[output]), argmax[output] == own);
        output += outputs;
      }
    }
  }
  var element = item.plane * P.height * P.width + own;
  for (var k = 0u; k < count; k++) {
    x[element] = T(sums[k]);
    element += P.height * P.width;
  }
}
