// What is stored for a finished sum: residual + scale · activation(sum + bias).
fn finish(sum: f32, bias: f32, index: u32) -> f32 {
  return residualAt(index) + P.scale * activate(sum + bias, P.curve, P.slope);
}
