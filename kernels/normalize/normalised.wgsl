// x̂ from x and its statistics; or v itself where it is x̂ already.
fn normalised(v: V, s: vec4f) -> V { return select(standardised(v, s), v, P.isNormalised != 0u); }
