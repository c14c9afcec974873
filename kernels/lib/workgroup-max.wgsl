// The largest value of a workgroup, for every thread: two levels, which takes two barriers.
const HALF_LEVEL = 8u;
var<workgroup> largest: array<f32, WG>;

fn workgroupMax(t: u32, v: f32) -> f32 {
  largest[t] = v;
  workgroupBarrier();
  if (t < HALF_LEVEL) {
    var top = largest[t];
    for (var k = t + HALF_LEVEL; k < WG; k += HALF_LEVEL) { top = max(top, largest[k]); }
    largest[t] = top;
  }
  workgroupBarrier();
  var top = largest[0];
  for (var k = 1u; k < HALF_LEVEL; k++) { top = max(top, largest[k]); }
  return top;
}
