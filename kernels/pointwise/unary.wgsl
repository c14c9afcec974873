// y = f(x), element by element. A thread owns P.span units of 16 bytes, WG apart; P.count counts units, and the last one
// may run past the tensor's end into the padding that every buffer has. PAIRED, of halves on cards: it owns two, and
// loads both before it computes.

fn apply(x: vec4f) -> vec4f {
  switch OP {
    case 0u: { return x * P.a + P.b; }                                  // affine
    case 1u: { return max(x, vec4f()); }                                // relu
    case 2u: { return select(P.a * x, x, x > vec4f()); }                // leakyRelu
    case 3u: { return hyperbolic(clamp(x, vec4f(-15.0), vec4f(15.0))); } // tanh; drivers overflow in exp beyond
    case 4u: { return sigmoid(x); }                                     // sigmoid
    case 5u: { return exp(x); }
    case 6u: { return log(x); }
    case 7u: { return sqrt(x); }
    case 8u: { return abs(x); }
    case 9u: { return clamp(x, vec4f(P.a), vec4f(P.b)); }
    case 10u: { return powers(x); }
    case 11u: { return sign(x); }
    case 12u: { return select(vec4f(), vec4f(1.0), (x >= vec4f(P.a)) & (x <= vec4f(P.b))); } // inside [a, b]
    case 13u: { return inverseSqrt(x); }
    case 14u: { return x * sigmoid(x); }                                // silu
    case 15u: { return max(x, vec4f()) + log(1.0 + exp(-abs(x))); }     // softplus
    case 16u: { return round(x * P.b) * P.a; }                          // roundTo; b = 1 / a, ties to even
    default: { return x; }                                              // copy
  }
}

fn hyperbolic(x: vec4f) -> vec4f {
  if (PAIRED == 0u) { return tanh(x); }
  // of halves: off by 4e-5 of itself at most, where one way ends and the other begins; rounding a half is off by 5e-4
  return select(x, 1.0 - 2.0 / (1.0 + exp(2.0 * x)), abs(x) > vec4f(0.008));
}

fn sigmoid(x: vec4f) -> vec4f {
  let z = 0.5 * x; // a driver may test x itself in half precision, which processors lack
  let e = exp(-2.0 * abs(z)); // never overflows
  return select(e, vec4f(1.0), z >= vec4f()) / (1.0 + e);
}

// x^a: WGSL's pow is undefined for x < 0, where an integer exponent has a value; 0^a is 0, 1 or infinity
fn powers(x: vec4f) -> vec4f {
  if (P.a == 2.0) { return x * x; }
  if (P.a == 0.0) { return vec4f(1.0); }
  let isZero = x == vec4f();
  let exponent = P.a * select(log2(abs(x)), vec4f(-1e30), isZero);
  let magnitude = select(exp2(exponent), vec4f(), isZero & vec4<bool>(P.a > 0.0));
  let odd = fract(P.a * 0.5) != 0.0;
  return select(magnitude, -magnitude, (x < vec4f()) & vec4<bool>(odd));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let start = groupIndex(group, groups) * WG * P.span;
  let end = min(start + WG * P.span, P.count);
  var i = start + local.x;
  if (PAIRED == 1u && i + WG < end) {
    let u = x[i];
    let v = x[i + WG];
    y[i] = packed(apply(first(u)), apply(second(u)));
    y[i + WG] = packed(apply(first(v)), apply(second(v)));
    return;
  }
  for (; i < end; i += WG) {
    let v = x[i];
    y[i] = packed(apply(first(v)), apply(second(v)));
  }
}
