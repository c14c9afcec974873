// Activations of an epilogue. Straight ones are one multiplication where x is negative: by 1 (none), 0 (relu) or the slope
// (leakyRelu); relu has a zero of its own below 0, for 0 · −∞ is NaN. Curved ones are apart, behind the key CURVED, because software drivers would compute them for every value
// and then throw them away.
fn activate(x: f32, curve: u32, slope: f32) -> f32 {
  if (CURVED == 0u) {
    let negative = select(slope * x, 0.0, (slope == 0.0) & (x < 0.0));
    return select(negative, x, x > 0.0); // NaN stays NaN
  }
  if (curve == 0u) { return tanh(clamp(x, -15.0, 15.0)); } // drivers overflow in exp beyond
  let e = exp(-abs(x)); // never overflows
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
