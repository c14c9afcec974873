// A rough mean of group g of [outer, groups, length] (length counts V): the average of a few values spread over it.
// Sums about it do not cancel, however far the values are from zero, and every workgroup of the group finds the same.
const SAMPLES = 4u;
fn shiftOf(g: u32) -> f32 {
  var sum = V();
  for (var k = 0u; k < SAMPLES; k++) {
    let o = (k * P.outer) / SAMPLES;
    sum += V(x[(o * P.groups + g) * P.length + (k * P.length) / SAMPLES]);
  }
  return total(sum) / f32(SAMPLES * LANES);
}
