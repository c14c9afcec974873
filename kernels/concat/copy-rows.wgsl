// copy.wgsl for boxes of contiguous runs: y[P.yStart + o·P.yOuter + k] = x[P.xStart + o·P.xOuter + k], k < run. Workgroups
// lie along x in a run and along y in o, so that nothing is divided.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let xAt = P.xStart + group.y * P.xOuter;
  let yAt = P.yStart + group.y * P.yOuter;
  let start = group.x * WG * P.span;
  let end = min(start + WG * P.span, P.run);
  for (var k = start + local.x; k < end; k += WG) { y[yAt + k] = x[xAt + k]; }
}
