// y = Σ of each window / its divisor: the elements it holds, or (P.countPadding) those of the padding, too.
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
  let scale = 1.0 / f32(divisorOf(item.row, item.column));
  let end = min(item.plane + STRIP, P.planes);
  for (var plane = item.plane; plane < end; plane++) {
    var sum = 0.0;
    for (var i = rows.x; i < rows.y; i++) {
      for (var j = columns.x; j < columns.y; j++) { sum += f32(x[(plane * P.height + i) * P.width + j]); }
    }
    y[(plane * P.oHeight + item.row) * P.oWidth + item.column] = T(sum * scale);
  }
}
