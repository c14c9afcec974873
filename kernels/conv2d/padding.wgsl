// Padding happens inside the load: position p of an axis of n values, which may lie outside, is read at padded(p).
// Modes: 0 zeros, 1 reflect (without repeating the edge), 2 replicate. With zeros the caller asks outside() first.
fn outside(p: i32, n: i32) -> bool { return p < 0 || p >= n; }

fn padded(p: i32, n: i32, mode: u32) -> i32 {
  var q = p;
  if (mode == 1u) {
    q = abs(p);
    q = select(q, 2 * n - 2 - q, q >= n);
  }
  return clamp(q, 0, n - 1);
}
