// f(x̂ · (1 + gamma) + beta) of one value (V); f multiplies negative values by P.slope.
fn modulated(value: V, found: vec4f, gamma: V, beta: V) -> VT {
  let v = standardised(value, found) * (1.0 + gamma) + beta;
  return VT(select(P.slope * v, v, v > V()));
}
