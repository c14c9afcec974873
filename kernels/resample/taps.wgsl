// Which elements of an axis of P.n one of P.m outputs reads, and with which weights (they add up to 1):
//   MODE 0, nearest: floor((o + nearestShift) · scale), in f32 as PyTorch rounds it
//   MODE 1, linear and MODE 2, cubic (Keys 1981, a = −3/4): about the position o·slope + shift
//   MODE 3, area: the mean of floor(o·n/m) … ceil((o + 1)·n/m) − 1
// Elements past either end are the end elements. Positions are 32.32 fixed point: an f32 would leave 2^-12 of a pixel for
// the weights at position 4096.
struct Taps {
  first: i32,
  count: u32,
  weights: vec4f,
}

struct Position {
  whole: i32,
  part: f32,
}

// o · slope + shift, all in 32.32
fn positionOf(o: u32) -> Position {
  let a0 = P.slopePart & 0xffffu;
  let a1 = P.slopePart >> 16u;
  let b0 = o & 0xffffu;
  let b1 = o >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let other = a0 * b1 + (middle & 0xffffu);
  let high = a1 * b1 + (middle >> 16u) + (other >> 16u); // of slopePart · o
  let low = P.slopePart * o;
  let part = low + P.shiftPart;
  let carry = select(0u, 1u, part < low);
  let whole = P.slopeWhole * o + high + P.shiftWhole + carry;
  return Position(bitcast<i32>(whole), f32(part) * 0x1p-32);
}

fn tapsOf(o: u32) -> Taps {
  switch P.mode {
    case 0u: {
      let nearest = u32((f32(o) + P.nearestShift) * P.scale);
      return Taps(i32(min(nearest, P.n - 1u)), 1u, vec4f(1.0));
    }
    case 1u: {
      let p = positionOf(o);
      let t = select(p.part, 0.0, p.whole < 0);
      return Taps(max(p.whole, 0), 2u, vec4f(1.0 - t, t, 0.0, 0.0));
    }
    case 2u: {
      let p = positionOf(o);
      let t = p.part;
      let u = 1.0 - t;
      let weights = vec4f(-0.75 * t * u * u, 1.0 - t * t * (2.25 - 1.25 * t), 1.0 - u * u * (2.25 - 1.25 * u), -0.75 * u * t * t);
      return Taps(p.whole - 1, 4u, weights);
    }
    default: {
      let first = o * P.n / P.m;
      let count = ((o + 1u) * P.n + P.m - 1u) / P.m - first;
      return Taps(i32(first), count, vec4f(1.0 / f32(count)));
    }
  }
}
