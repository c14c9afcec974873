// weights[g, tap, o, c] = the weight of output channel o and input channel c, zero beyond the last channel: lines of P.terms
// neighbours for gather.matrix.wgsl. A thread takes all taps of a channel, which are neighbours where it reads; neighbouring
// threads write neighbours.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  let lines = P.outChannels * P.terms; // of one tap
  if (i >= P.groups * lines) { return; }
  let channelGroup = i / lines;
  let o = i / P.terms % P.outChannels;
  let c = i % P.terms;
  let source = channelGroup * P.weightGroup + o * P.weightOut + c * P.weightIn;
  let line = channelGroup * P.taps * lines + i % lines;
  for (var tap = 0u; tap < P.taps; tap++) {
    var value = 0.0;
    if (c < P.inChannels) { value = f32(weight[source + tap]); }
    weights[line + tap * lines] = T(value);
  }
}
