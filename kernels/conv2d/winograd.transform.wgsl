// The three transforms of F(4×4, 3×3) along one axis, and the transposes of two for the weight gradient, at the points 0, ±√½, ±√2 and ∞. Points on both sides of one keep
// their powers near one, and the rounding errors half as large as the customary 0, ±1, ±2 do.
const ROOT_HALF = 0.70710678118654752;
const ROOT_TWO = 1.4142135623730950;

// six neighbouring pixels
fn transformPixels(d: array<f32, 6>) -> array<f32, 6> {
  let even = d[4] - 2.0 * d[2];
  let odd = ROOT_HALF * d[3] - ROOT_TWO * d[1];
  let evenFar = d[4] - 0.5 * d[2];
  let oddFar = ROOT_TWO * d[3] - ROOT_HALF * d[1];
  return array<f32, 6>(
    d[0] + (d[4] - 2.5 * d[2]),
    even + odd,
    even - odd,
    evenFar + oddFar,
    evenFar - oddFar,
    d[1] + (d[5] - 2.5 * d[3]),
  );
}

// three neighbouring weights
fn transformWeights(g: array<f32, 3>) -> array<f32, 6> {
  let even = (-2.0 / 3.0) * g[0] - (1.0 / 3.0) * g[2];
  let odd = (ROOT_TWO / 3.0) * g[1];
  let evenFar = (1.0 / 6.0) * g[0] + (1.0 / 3.0) * g[2];
  let oddFar = (ROOT_TWO / 6.0) * g[1];
  return array<f32, 6>(g[0], even - odd, even + odd, evenFar + oddFar, evenFar - oddFar, g[2]);
}

// the six sums of products of four neighbouring results
fn transformSums(m: array<f32, 6>) -> array<f32, 4> {
  let even = m[1] + m[2];
  let odd = m[1] - m[2];
  let evenFar = m[3] + m[4];
  let oddFar = m[3] - m[4];
  return array<f32, 4>(
    m[0] + (even + evenFar),
    ROOT_HALF * odd + ROOT_TWO * oddFar,
    0.5 * even + 2.0 * evenFar,
    m[5] + (0.5 * ROOT_HALF * odd + 2.0 * ROOT_TWO * oddFar),
  );
}

// the transpose of transformSums: what the gradient of four neighbouring results gives to the six sums
fn transformGradients(d: array<f32, 4>) -> array<f32, 6> {
  let even = d[0] + 0.5 * d[2];
  let odd = ROOT_HALF * (d[1] + 0.5 * d[3]);
  let evenFar = d[0] + 2.0 * d[2];
  let oddFar = ROOT_TWO * (d[1] + 2.0 * d[3]);
  return array<f32, 6>(d[0], even + odd, even - odd, evenFar + oddFar, evenFar - oddFar, d[3]);
}

// the transpose of transformWeights: what the gradients at six points give to three neighbouring weights
fn foldWeights(s: array<f32, 6>) -> array<f32, 3> {
  let near = s[1] + s[2];
  let far = s[3] + s[4];
  return array<f32, 3>(
    s[0] + ((1.0 / 6.0) * far - (2.0 / 3.0) * near),
    (ROOT_TWO / 3.0) * (s[2] - s[1]) + (ROOT_TWO / 6.0) * (s[3] - s[4]),
    s[5] + (1.0 / 3.0) * (far - near),
  );
}
