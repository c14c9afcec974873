// pad-axis.wgsl for positions that lie side by side (step 1): the P.yOuter values of y for an o are P.value, those of x
// from P.before on, and P.value again. Workgroups lie along x in these and along y in o, so that nothing is divided.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let xAt = group.y * P.xOuter;
  let yAt = group.y * P.yOuter;
  let start = group.x * WG * P.span;
  let end = min(start + WG * P.span, P.yOuter);
  for (var k = start + local.x; k < end; k += WG) {
    let source = k - P.before; // far beyond the end where k lies before
    var v = VT(T(P.value));
    if (source < P.xOuter) { v = x[xAt + source]; }
    y[yAt + k] = v;
  }
}
