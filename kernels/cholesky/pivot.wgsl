// Shared by the Cholesky kernels. Tests go through bits: a compiler may assume that no value is NaN.

// A normal positive number: what a pivot must be.
fn positive(x: f32) -> bool {
  let bits = bitcast<u32>(x);
  return bits >= 0x00800000u && bits < 0x7f800000u;
}

// k such that diagonals of at most `top` are below 4 after multiplication by 4^-k; 0 where `top` is no positive number.
fn halfExponent(top: f32) -> i32 {
  if (!positive(top)) { return 0; }
  return (i32(bitcast<u32>(top) >> 23u) - 127) >> 1u;
}

// 2^e for -126 <= e <= 127.
fn powerOfTwo(e: i32) -> f32 { return bitcast<f32>(u32(e + 127) << 23u); }

// What L holds at (i, j), j <= i, given the computed factor: where the factorisation failed at pivot `fail` (counted
// from 1), row and column fail - 1 and those behind are the identity's, so that nothing computed from L is NaN.
fn finished(value: f32, i: u32, j: u32, fail: u32) -> f32 {
  if (fail > 0u && i + 1u >= fail) { return select(0.0, 1.0, i == j); }
  return value;
}
