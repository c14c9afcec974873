// y[b, j, i] = x[b, i, j] for matrices with one side of P.short ≤ MOST elements, as pictures of few channels have: tiles
// of 32 × 32 would be almost empty. A workgroup moves CHUNK places of the long side through workgroup memory, where the
// short lines lie apart, so that both x and y are read and written in order.
// WOVEN 0: x has few long lines, 1: x has many short ones.
const MOST = 8u;
const CHUNK = WG;
const PITCH = CHUNK + 1u; // neighbours of a short line in different banks
var<workgroup> lines: array<T, MOST * PITCH>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let chunks = (P.long + CHUNK - 1u) / CHUNK;
  let index = groupIndex(group, groups);
  let batch = index / chunks;
  if (batch >= P.batches) { return; } // uniform across the workgroup
  let first = index % chunks * CHUNK;
  let count = min(CHUNK, P.long - first);
  let apart = batch * P.short * P.long + first;
  let woven = (batch * P.long + first) * P.short;
  if (WOVEN == 1u) {
    for (var k = t; k < count * P.short; k += WG) {
      let place = k / P.short;
      lines[(k - place * P.short) * PITCH + place] = x[woven + k];
    }
  } else {
    for (var line = 0u; line < P.short; line++) {
      for (var place = t; place < count; place += WG) {
        lines[line * PITCH + place] = x[apart + line * P.long + place];
      }
    }
  }
  workgroupBarrier();
  if (WOVEN == 1u) {
    for (var line = 0u; line < P.short; line++) {
      for (var place = t; place < count; place += WG) {
        y[apart + line * P.long + place] = lines[line * PITCH + place];
      }
    }
  } else {
    for (var k = t; k < count * P.short; k += WG) {
      let place = k / P.short;
      y[woven + k] = lines[(k - place * P.short) * PITCH + place];
    }
  }
}
