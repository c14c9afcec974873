// The functions of two values that binary kernels apply, numbered as in binary.ts.
fn apply(x: vec4f, z: vec4f) -> vec4f {
  switch OP {
    case 0u: { return x + z; }
    case 1u: { return x - z; }
    case 2u: { return x * z; }
    case 3u: { return x / z; }
    case 4u: { return max(x, z); }
    case 5u: { return min(x, z); }
    case 6u: { return select(x * P.slope, x, z > vec4f()); }  // leakyReluGrad(dy, y or x); slope 0 is relu
    case 7u: { return x * (1.0 - z * z); }                    // tanhGrad(dy, y)
    case 8u: { return x * z * (1.0 - z); }                    // sigmoidGrad(dy, y)
    case 9u: { return select(vec4f(), vec4f(1.0), x > z); }   // greater
    case 10u: { return select(vec4f(), vec4f(1.0), x == z); } // equal
    case 11u: { return power(x, z); }
    default: { return x; }
  }
}

// x^z: WGSL's pow is undefined for x < 0, where an integer exponent has a value; 0^z is 0, 1 or infinity
fn power(x: vec4f, z: vec4f) -> vec4f {
  let isZero = x == vec4f();
  let exponent = z * select(log2(abs(x)), vec4f(-1e30), isZero);
  let magnitude = select(exp2(exponent), vec4f(), isZero & (z > vec4f()));
  let odd = fract(z * 0.5) != vec4f();
  return select(select(magnitude, -magnitude, (x < vec4f()) & odd), vec4f(1.0), z == vec4f());
}

// apply(x, z), or apply(z, x)
fn swapped(x: vec4f, z: vec4f, swap: bool) -> vec4f { return apply(select(x, z, swap), select(z, x, swap)); }
