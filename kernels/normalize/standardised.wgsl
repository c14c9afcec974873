// (x − mean) · rstd from the statistics of a group. The mean is the sum of two numbers, and only the first is taken from the
// value: a driver may reorder sums (NVIDIA's does), and (x − shift) − rest would become x − (shift + rest), rounded.
fn standardised(v: V, s: vec4f) -> V { return fma(v - s.x, V(s.z), V(-s.y * s.z)); }
