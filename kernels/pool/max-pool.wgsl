// y = the maximum of each window, argmax = where in its plane the first one (by rows) lies; padding is never the maximum.
// A thread owns one place of STRIP neighbouring planes.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let item = itemOf(groupIndex(group, groups) * WG + thread, P.oHeight, P.oWidth);
  let rows = windowOf(item.row, P.kernelH, P.strideH, P.padH, P.height);
  let columns = windowOf(item.column, P.kernelW, P.strideW, P.padW, P.width);
  let end = min(item.plane + STRIP, P.planes);
  for (var plane = item.plane; plane < end; plane++) {
    let base = plane * P.height * P.width;
    var best = 0.0;
    var bestAt = 0xffffffffu;
    for (var i = rows.x; i < rows.y; i++) {
      for (var j = columns.x; j < columns.y; j++) {
        let at = i * P.width + j;
        let value = f32(x[base + at]);
        if (value > best || bestAt == 0xffffffffu) {
          best = value;
          bestAt = at;
        }
      }
    }
    let output = (plane * P.oHeight + item.row) * P.oWidth + item.column;
    y[output] = T(best);
    argmax[output] = bestAt;
  }
}
