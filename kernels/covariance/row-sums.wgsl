// sums[row, chunk] = Σ (x - origin) over the pixels of one chunk of a row; rows are the channels of all items.
// One workgroup a sum: each thread adds every WG-th vector of four, then the threads' sums meet pairwise.
var<workgroup> part: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups);
  if (index >= P.items * P.channels * P.chunks) { return; } // uniform across the workgroup
  let row = index / P.chunks;
  let item = row / P.channels;
  let start = (index % P.chunks) * P.chunkLength;
  let end = min(start + P.chunkLength, P.pixels);
  let shift = origin[row];
  var sum = vec4f();
  for (var p = start + 4u * t; p < end; p += 4u * WG) { sum += centred(row, p, shift, within(item, p)); }
  part[t] = (sum.x + sum.y) + (sum.z + sum.w);
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (t < half) { part[t] += part[t + half]; }
    workgroupBarrier();
  }
  if (t == 0u) { sums[index] = part[0]; }
}
