// Mean and biased variance of n values from sums about a shift:
//   S = Σ (x − shift), Q = Σ (x − shift)²,  mean = shift + S/n,  var = (Q − S²/n) / n.
// The mean is kept as two numbers: at an offset of 1e4 standard deviations one f32 is 5e-4 of a deviation off. Result:
// (shift, S/n, 1 / sqrt(var + eps), var).
fn statisticsOf(shift: f32, sums: vec2f, n: f32, eps: f32) -> vec4f {
  let rest = sums.x / n;
  let variance = max(sums.y / n - rest * rest, 0.0);
  return vec4f(shift, rest, 1.0 / sqrt(variance + eps), variance);
}
