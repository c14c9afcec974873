// (L v)_i = Σ_k [ v_i − (v_k + b_k + a_k · (I_i − I_k)) ], over the windows k that hold pixel i: what their lines miss.
// One thread per pixel of one plane; windows in the order of their centres.

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let area = P.width * P.height;
  let plane = t / area;
  if (plane >= P.planes) { return; }
  let i = t - plane * area;
  let y = i / P.width;
  let x = i - y * P.width;
  let radius = P.radius;
  let columns = P.width - 2u * radius;
  let windows = columns * (P.height - 2u * radius);
  let picture = plane / P.channels * area;
  let values = plane * area;

  let colour = pixelAt(picture + i);
  let value = f32(v[t]);
  let top = max(y, 2u * radius) - radius;
  let bottom = min(y + radius, P.height - 1u - radius);
  let left = max(x, 2u * radius) - radius;
  let right = min(x + radius, P.width - 1u - radius);
  var sum = 0.0;
  for (var row = top; row <= bottom; row++) {
    for (var column = left; column <= right; column++) {
      let centre = row * P.width + column;
      let line = fit[plane * windows + (row - radius) * columns + column - radius];
      let e = colour - pixelAt(picture + centre);
      sum += (value - f32(v[values + centre])) - line.w - dot(line.xyz, e);
    }
  }
  lv[t] = T(sum);
}
