// weight[o, c, tap] = Σ_slot partial[slot, tap, c, o], in the order of the slots: the same bits at every run.
// A thread owns one weight; neighbouring threads read neighbouring partial sums.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = groupIndex(group, groups) * WG + thread;
  let line = i / P.channels; // tap · C + c
  let tap = line / P.classes;
  if (tap >= P.taps) { return; }
  let o = i - line * P.channels;
  let stride = (P.channels + 3u) / 4u * 4u; // whole vectors
  var sum = 0.0;
  for (var slot = 0u; slot < P.slots; slot++) {
    sum += partial[(slot * P.taps * P.classes + line) * stride + o];
  }
  let c = line - tap * P.classes;
  weight[(o * P.classes + c) * P.taps + tap] = T(sum);
}
