// Standard normal numbers by Box and Muller: r cos 2πv and r sin 2πv with r = sqrt(-2 ln u), u and v of 24 bits.
// A thread draws four. The elementary functions are written out, for what a driver's log, sin and cos may be off by is
// far more than an ulp near their zeros.

// ln(k / 2^24) for 1 <= k <= 2^24. With k / 2^24 = m 2^e, sqrt(1/2) <= m < sqrt(2), f = m - 1 and s = f / (2 + f):
//     ln m = f - f²/2 + s (f²/2 + R(s²))        R: the series of (ln(1 + s) - ln(1 - s)) / s - 2 in s²
// R's coefficients are those of FDLIBM's float version. e is 0 near u = 1, so that nothing cancels there.
fn logOf24(k: u32) -> f32 {
  let x = f32(k);
  var bits = bitcast<u32>(x);
  let shifted = bits + (0x3f800000u - 0x3f3504f3u);
  let e = i32(shifted >> 23u) - 127 - 24;
  bits = (shifted & 0x007fffffu) + 0x3f3504f3u;
  let f = bitcast<f32>(bits) - 1.0;
  let s = f / (2.0 + f);
  let z = s * s;
  let r = z * (0.66666662693 + z * (0.40000972152 + z * (0.28498786688 + z * 0.24279078841)));
  let half = 0.5 * f * f;
  let exponent = f32(e);
  let low = s * (half + r) + exponent * 9.0580006145e-6;
  return exponent * 0.69313812256 - ((half - low) - f);
}

// sqrt with one Newton step, as the built-in may be off by some ulp.
fn root(a: f32) -> f32 {
  if (a <= 0.0) { return 0.0; }
  let r = sqrt(a);
  return r + fma(-r, r, a) / (2.0 * r);
}

// cos and sin of k / 2^24 turns: the nearest quarter turn is taken off exactly, then polynomials in the turns t that
// are left, |t| <= 1/8. Turns, unlike radians, carry no rounding. Coefficients are those of Cephes' sinf and cosf times
// powers of 2π; the second part of 2π goes with the smaller terms.
fn turn(k: u32) -> vec2f {
  let quarter = (k + (1u << 21u)) >> 22u;
  let t = f32(i32(k) - i32(quarter << 22u)) * 5.9604644775390625e-8; // exact
  let z = t * t;
  let bend = z * (-41.34167 + z * (81.593765 - z * 75.445656));
  let s = fma(t, 6.2831855, t * (bend - 1.7484555e-7));
  let c = 1.0 - z * (19.739208 - z * (64.93936 + z * (-85.447144 + z * 59.3497)));
  switch quarter & 3u {
    case 0u: { return vec2f(c, s); }
    case 1u: { return vec2f(-s, c); }
    case 2u: { return vec2f(-c, -s); }
    default: { return vec2f(s, -c); }
  }
}

fn pair(a: u32, b: u32) -> vec2f { return root(-2.0 * logOf24((a >> 8u) + 1u)) * turn(b >> 8u); }

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let block = groupIndex(group, groups) * WG + t;
  if (block >= P.count) { return; }
  let words = philox(block);
  y[block] = T4(vec4f(pair(words.x, words.y), pair(words.z, words.w)));
}
