// The weight [O, C, kH, kW] as rows of P.vectors vectors of four neighbouring output channels, for tap = 0 … T − 1, T = kH · kW:
//
//   table[tap · (C + 1) + c] = weight[:, c, tap]
//   table[T · (C + 1) + c]   = ((bias + weight[:, c, 0]) + …) + weight[:, c, T − 1]: a window that holds nothing but c
//
// Class C stands for whatever has no class, and has zeros for weights. So have channels past O. A thread owns one vector;
// neighbouring threads read neighbouring weights.
fn weightsAt(v: u32, c: u32, tap: u32) -> vec4f {
  var values = vec4f();
  for (var e = 0u; e < 4u; e++) {
    let o = 4u * v + e;
    if (o < P.channels && c < P.classes) { values[e] = f32(weight[(o * P.classes + c) * P.taps + tap]); }
  }
  return values;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let t = groupIndex(group, groups) * WG + thread;
  let steps = P.taps + 1u;
  let line = t / steps;
  let tap = t - line * steps;
  let v = line / (P.classes + 1u);
  let c = line - v * (P.classes + 1u);
  if (v >= P.vectors) { return; }
  var first = tap;
  var end = tap + 1u;
  var values = vec4f();
  if (tap == P.taps) {
    first = 0u;
    end = P.taps;
    for (var e = 0u; e < 4u; e++) {
      if (4u * v + e < P.channels) { values[e] = biasAt(4u * v + e); }
    }
  }
  for (var k = first; k < end; k++) { values += weightsAt(v, c, k); }
  table[(tap * (P.classes + 1u) + c) * P.vectors + v] = values;
}
