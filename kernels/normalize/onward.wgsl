// A place in a group of P.outer slabs of P.length values (V): the slab, and how far into it. Threads go WG values onward
// from one to their next, without a division.
fn placeIn(k: u32) -> vec2u { return vec2u(k / P.length, k % P.length); }

fn onward(place: vec2u, step: vec2u) -> vec2u {
  let r = place.y + step.y;
  let wraps = r >= P.length;
  return vec2u(place.x + step.x + select(0u, 1u, wraps), select(r, r - P.length, wraps));
}
