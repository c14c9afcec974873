// The statistics of group g from the sums of its P.parts parts, which every workgroup of the group adds in the same order. That of
// the first segment stores them.
fn statisticsFor(g: u32, segment: u32, t: u32) -> vec4f {
  var sum = vec2f();
  for (var k = t; k < P.parts; k += WG) { sum += partial[g * P.parts + k].yz; }
  let found = statisticsOf(partial[g * P.parts].x, workgroupSum(t, sum), P.count, P.eps);
  if (segment == 0u && t == 0u) { stats[g] = found; }
  return found;
}
