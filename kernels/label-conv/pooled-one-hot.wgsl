// y[n, c, i, j] = how many labels of a window are c / the window's divisor (kernels/pool/divisor.wgsl).
// A thread owns one place of STRIP = 4 neighbouring classes; neighbouring threads own neighbouring places. P.planes counts
// the classes of every image rounded up to whole strips.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let item = itemOf(groupIndex(group, groups) * WG + thread, P.oHeight, P.oWidth);
  if (item.plane >= P.planes) { return; }
  let planes = (P.classes + STRIP - 1u) / STRIP * STRIP; // of an image
  let image = item.plane / planes;
  let first = item.plane - image * planes;
  let own = first + vec4u(0u, 1u, 2u, 3u);
  let rows = windowOf(item.row, P.kernelH, P.strideH, P.padH, P.height);
  let columns = windowOf(item.column, P.kernelW, P.strideW, P.padW, P.width);
  var counts = vec4f();
  for (var i = rows.x; i < rows.y; i++) {
    for (var j = columns.x; j < columns.y; j++) {
      let label = labels[(image * P.height + i) * P.width + j];
      counts += select(vec4f(), vec4f(1.0), own == vec4u(label));
    }
  }
  let shares = counts / f32(divisorOf(item.row, item.column));
  let end = min(STRIP, P.classes - first);
  var at = ((image * P.classes + first) * P.oHeight + item.row) * P.oWidth + item.column;
  for (var k = 0u; k < end; k++) {
    y[at] = T(shares[k]);
    at += P.oHeight * P.oWidth;
  }
}
