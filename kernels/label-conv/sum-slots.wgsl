// weight[o, c, tap] = Σ_slot partial[slot, tap, c, o], in the order of the slots: the same bits at every run.
// A thread owns one weight; neighbouring threads read neighbouring partial sums.
//
// The terms are f32, each wrong by up to half a unit in its last place and by what led to it. A sum below CANCELLED of the
// sum of their sizes says nothing, and is 0: where a class fills a grid that a batch norm reads, the column of the middle
// tap is one more bias, whose true gradient is 0, and an optimiser that divides by the size of gradients would make a
// whole step of its noise.
const CANCELLED = 0x1p-21f;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  let line = i / P.channels; // tap · C + c
  let tap = line / P.classes;
  if (tap >= P.taps) { return; }
  let o = i - line * P.channels;
  let stride = (P.channels + 3u) / 4u * 4u; // whole vectors
  let run = P.taps * P.classes * stride;
  var sum = 0.0;
  var size = 0.0;
  for (var slot = 0u; slot < P.slots; slot++) {
    sum += partial[slot * run + line * stride + o];
    size += partial[(P.slots + slot) * run + line * stride + o];
  }
  if (abs(sum) < CANCELLED * size) { sum = 0.0; }
  let c = line - tap * P.classes;
  weight[(o * P.classes + c) * P.taps + tap] = T(sum);
}
