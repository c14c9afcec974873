// Random u32, all 32 bits where P.below is 0, else ⌊word · below / 2^32⌋. A thread draws four.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let block = groupIndex(group, groups) * WG + t;
  if (block >= P.count) { return; }
  var words = philox(block);
  if (P.below != 0u) {
    for (var lane = 0u; lane < 4u; lane++) { words[lane] = multiplyHigh(words[lane], P.below); }
  }
  y[block] = words;
}
