// What is stored for a finished sum: residual + rounded(scale · activation(sum + bias)).
fn finish(sum: f32, bias: f32, index: u32) -> f32 {
  return residualAt(index) + rounded(P.scale * activate(sum + bias, P.curve, P.slope));
}

// The nearest multiple of P.grid, ties to even; v itself where P.grid is 0. A power of two makes both products exact.
fn rounded(v: f32) -> f32 {
  return select(v, round(v * P.inverseGrid) * P.grid, P.grid > 0.0);
}
