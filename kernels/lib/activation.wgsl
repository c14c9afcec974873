// Activations of an epilogue, numbered as in activation.ts.
fn activate(x: f32, kind: u32, slope: f32) -> f32 {
  let e = exp(-abs(x)); // never overflows
  switch kind {
    case 1u: { return max(x, 0.0); }
    case 2u: { return select(slope * x, x, x > 0.0); }
    case 3u: { return tanh(clamp(x, -15.0, 15.0)); } // drivers overflow in exp beyond
    case 4u: { return select(e, 1.0, x >= 0.0) / (1.0 + e); }
    default: { return x; }
  }
}
