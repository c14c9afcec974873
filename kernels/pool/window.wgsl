// What the pooling kernels share: windows of P.kernelH × P.kernelW, P.strideH and P.strideW apart, the first of which
// starts P.padH and P.padW before planes of [P.height, P.width]. Outputs are [P.oHeight, P.oWidth].
const STRIP = 4u;

struct Item {
  plane: u32, // the first of the thread's STRIP planes
  row: u32,
  column: u32,
}

// The thread's place in STRIP planes of [height, width]; neighbouring threads own neighbouring places.
fn itemOf(t: u32, height: u32, width: u32) -> Item {
  let line = t / width;
  let strip = line / height;
  return Item(strip * STRIP, line - strip * height, t - line * width);
}

// first position and one past the last position of a window, without what lies in the padding
fn windowOf(output: u32, kernel: u32, stride: u32, pad: u32, extent: u32) -> vec2u {
  let start = output * stride;
  return vec2u(max(start, pad) - pad, min(start + kernel - pad, extent));
}

// first and one past the last output whose window holds a position
fn outputsAt(position: u32, kernel: u32, stride: u32, pad: u32, outputs: u32) -> vec2u {
  let end = position + pad;
  let first = select((end - min(end, kernel)) / stride + 1u, 0u, end < kernel);
  return vec2u(first, min(end / stride + 1u, outputs));
}
