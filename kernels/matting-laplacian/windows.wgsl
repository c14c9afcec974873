// The line through a window's colours that fits v best, v_i ≈ v_k + b + a · (I_i − I_k) about the window's centre k:
//   a = Gᵀ G cov(I, v)      b = mean(v − v_k) − a · mean(I − I_k)        Δ⁻¹ = Gᵀ G, from the table
// Everything is taken relative to the centre, so that nothing cancels, and the first solution of Δ a = cov is improved by
// what it leaves over: G is up to 1e4 times as long as what it multiplies, which the second time is small.
// Levin et al. 2008, eq. 12.
// One thread per window of one plane; neighbouring threads own neighbouring windows.

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let side = 2u * P.radius + 1u;
  let columns = P.width + 1u - side;
  let windows = columns * (P.height + 1u - side);
  let plane = t / windows;
  if (plane >= P.planes) { return; }
  let k = t - plane * windows;
  let top = k / columns;
  let corner = top * P.width + (k - top * columns);
  let centre = corner + P.radius * (P.width + 1u);
  let area = P.width * P.height;
  let item = plane / P.channels;
  let picture = item * area;
  let values = plane * area;

  let entry = item * 6u * windows + k;
  let g00 = factors[entry];
  let g10 = factors[entry + windows];
  let g11 = factors[entry + 2u * windows];
  let g20 = factors[entry + 3u * windows];
  let g21 = factors[entry + 4u * windows];
  let g22 = factors[entry + 5u * windows];
  let colour = pixelAt(picture + centre);
  let value = f32(v[values + centre]);
  let scale = 1.0 / f32(side * side);
  var line = vec4f(); // a, b
  for (var round = 0u; round < 2u; round++) {
    var colours = vec3f();
    var sum = 0.0;
    var products = vec3f();
    var row = corner;
    for (var r = 0u; r < side; r++) {
      for (var i = row; i < row + side; i++) {
        let e = pixelAt(picture + i) - colour;
        let missed = (f32(v[values + i]) - value) - line.w - dot(line.xyz, e);
        colours += e;
        sum += missed;
        products += e * missed;
      }
      row += P.width;
    }
    let meanColour = colours * scale;
    let mean = sum * scale;
    let c = products * scale - meanColour * mean - P.ridge * line.xyz;
    let s = vec3f(g00 * c.x, g10 * c.x + g11 * c.y, g20 * c.x + g21 * c.y + g22 * c.z);
    let a = vec3f(g00 * s.x + g10 * s.y + g20 * s.z, g11 * s.y + g21 * s.z, g22 * s.z);
    line += vec4f(a, mean - dot(a, meanColour));
  }
  fit[t] = line;
}
