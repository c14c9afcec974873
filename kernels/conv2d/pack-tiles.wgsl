// packed[g, tap, c, o] = the weight of output channel o and input channel c, zero beyond the last of either: of a tap P.terms
// lines of P.quads vectors, for gather.tiled.wgsl. Here (o, tap) runs along the lines of the weight, as in transposed
// convolutions. A thread takes all taps of a pair of channels; neighbouring threads read and write neighbours.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let i = groupIndex(group, groups) * WG + local.x;
  let line = P.quads * 4u;
  let block = P.terms * line; // of one tap
  if (i >= P.groups * block) { return; }
  let channelGroup = i / block;
  let c = i / line % P.terms;
  let o = i % line;
  let source = channelGroup * P.weightGroup + o * P.weightOut + c * P.weightIn;
  let first = channelGroup * P.taps * block + i % block;
  let some = c < P.inChannels && o < P.outChannels;
  for (var tap = 0u; tap < P.taps; tap++) {
    var value = T();
    if (some) { value = weight[source + tap]; }
    packed[first + tap * block] = value;
  }
}
