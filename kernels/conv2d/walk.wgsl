// A walk over numbers of three digits, such as (channel, row, column of a tap) or (image, row, column of a pixel), without a
// division at each step: `low` and `middle` say how many values the lower digits have.
struct Walk { high: u32, middle: u32, low: u32 }

fn walkTo(n: u32, middle: u32, low: u32) -> Walk {
  return Walk(n / (middle * low), n / low % middle, n % low);
}

fn walkOn(at: Walk, by: Walk, middle: u32, low: u32) -> Walk {
  var next = Walk(at.high + by.high, at.middle + by.middle, at.low + by.low);
  if (next.low >= low) { next.low -= low; next.middle++; }
  if (next.middle >= middle) { next.middle -= middle; next.high++; }
  return next;
}
