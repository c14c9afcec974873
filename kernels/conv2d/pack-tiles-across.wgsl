// packed[g, tap, c, o], as pack-tiles.wgsl says, of a weight along whose lines (c, tap) runs, as in convolutions. A workgroup
// turns a block of SIDE output channels by SIDE of these in its memory, so that neighbouring threads read and write neighbours.
const SIDE: u32 = 32u;
var<workgroup> block: array<array<T, SIDE + 1u>, SIDE>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let line = P.quads * 4u;
  let blocks = (line + SIDE - 1u) / SIDE;
  let tiles = (P.terms * P.taps + SIDE - 1u) / SIDE;
  let index = groupIndex(group, groups);
  let channelGroup = index / (blocks * tiles);
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup
  let firstOut = index % blocks * SIDE;
  let firstTerm = index / blocks % tiles * SIDE; // channel and tap
  let lane = local.x % SIDE;

  for (var row = local.x / SIDE; row < SIDE; row += WG / SIDE) {
    let o = firstOut + row;
    let term = firstTerm + lane;
    var value = T();
    if (o < P.outChannels && term < P.inChannels * P.taps) {
      value = weight[channelGroup * P.weightGroup + o * P.weightOut + term];
    }
    block[row][lane] = value;
  }
  workgroupBarrier();
  for (var row = local.x / SIDE; row < SIDE; row += WG / SIDE) {
    let o = firstOut + lane;
    let term = firstTerm + row;
    if (o < line && term < P.terms * P.taps) {
      packed[((channelGroup * P.taps + term % P.taps) * P.terms + term / P.taps) * line + o] = block[lane][row];
    }
  }
}
