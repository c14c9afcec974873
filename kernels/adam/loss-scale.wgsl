// The loss scale and the updates since it last changed (−1 before the first), moved in place by how an update went; one thread.
//   an overflow   factor ← max(smallest, factor · backoff), firstBackoff before the first update;   steady ← min(steady, 0)
//   an update     steady ← max(steady, 0) + 1; at growthInterval  factor ← min(largest, factor · growth),  steady ← 0
// control = (scale, ok, norm, failed), see guard.wgsl. What an `info` forbade says nothing about the scale.
@compute @workgroup_size(1)
fn main() {
  if (control[3] > 0.0) { return; }
  let before = steady[0];
  if (control[1] == 0.0) {
    factor[0] = max(P.smallest, factor[0] * select(P.backoff, P.firstBackoff, before < 0.0));
    steady[0] = min(before, 0.0);
    return;
  }
  let since = max(before, 0.0) + 1.0;
  let grows = since >= P.growthInterval;
  if (grows) { factor[0] = min(P.largest, factor[0] * P.growth); }
  steady[0] = select(since, 0.0, grows);
}
