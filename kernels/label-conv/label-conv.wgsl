// The convolution of a label map's one-hot tensor, without that tensor: each tap adds one row of the table (table.wgsl).
//
//   y[n, o, i, j] = f(residual + bias[o] + Σ_{a, b} weight[o, labels[n, i·stride + a − top, j·stride + b − left], a, b])
//
// Taps outside the picture and labels past the classes have the class without weights. A window of one class, as most are
// in a painted map, takes the row where all its taps are added up in the same order: the same bits from one row instead of
// kH · kW + 1. A thread owns one pixel of 4 · BLOCK output channels; neighbouring threads own neighbouring pixels, so
// planes of y are written in order, and where labels agree the threads read the same row.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let plane = P.oH * P.oW;
  let pixels = P.n * plane;
  let block = t / pixels;
  let first = block * BLOCK; // vector of channels
  if (first >= P.vectors) { return; }
  let pixel = t - block * pixels;
  let image = pixel / plane;
  let place = pixel - image * plane;
  let oy = place / P.oW;
  let corner = vec2i(vec2u(place - oy * P.oW, oy) * vec2u(P.strideX, P.strideY)) - vec2i(P.left, P.top);
  let classes = P.classes + 1u;

  let class0 = classAt(image, corner);
  var same = true;
  for (var a = 0u; a < P.kH; a++) {
    for (var b = 0u; b < P.kW; b++) { same = same & (classAt(image, corner + vec2i(vec2u(b, a))) == class0); }
  }
  var sums: array<vec4f, BLOCK>;
  var at = (P.kH * P.kW * classes + select(P.classes, class0, same)) * P.vectors + first;
  for (var v = 0u; v < BLOCK; v++) { sums[v] = table[at + v]; }
  if (!same) {
    var tap = 0u;
    for (var a = 0u; a < P.kH; a++) {
      for (var b = 0u; b < P.kW; b++) {
        at = (tap * classes + classAt(image, corner + vec2i(vec2u(b, a)))) * P.vectors + first;
        for (var v = 0u; v < BLOCK; v++) { sums[v] += table[at + v]; }
        tap++;
      }
    }
  }

  let base = (image * P.channels + 4u * first) * plane + place;
  for (var v = 0u; v < BLOCK; v++) {
    for (var e = 0u; e < 4u; e++) {
      let o = 4u * v + e;
      if (4u * first + o < P.channels) {
        let to = base + o * plane;
        y[to] = T(activate(residualAt(to) + sums[v][e], P.curve, P.slope));
      }
    }
  }
}
