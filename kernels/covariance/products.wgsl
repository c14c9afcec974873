// partial[item, chunk, i(i+1)/2 + j] = Σ (x_i - mean_i)(x_j - mean_j) over the pixels of one chunk, j <= i.
// One workgroup a chunk and a tile of TM x TN channel pairs. Each thread takes every WG-th vector of four pixels, so that
// one accumulator adds at most chunkLength / (4 WG) terms; the four lanes and the threads are then added in a tree.
// Tiles above the diagonal are left out: with TM = 2 TN, row block I has 2 I + 2 tiles, and I (I + 1) come before it.
const TM = 8u;
const TN = 4u;
var<workgroup> part: array<f32, TM * TN * WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let index = groupIndex(group, groups);
  if (index >= P.items * P.tiles * P.chunks) { return; } // uniform across the workgroup
  let chunk = index % P.chunks;
  let tile = (index / P.chunks) % P.tiles;
  let item = index / (P.chunks * P.tiles);
  var block = 0u;
  while ((block + 1u) * (block + 2u) <= tile) { block++; }
  let i0 = block * TM;
  let j0 = (tile - block * (block + 1u)) * TN;
  let base = item * P.channels;
  let last = base + P.channels - 1u;

  var shiftA: array<f32, TM>;
  var shiftB: array<f32, TN>;
  for (var i = 0u; i < TM; i++) { shiftA[i] = mean[min(base + i0 + i, last)]; }
  for (var j = 0u; j < TN; j++) { shiftB[j] = mean[min(base + j0 + j, last)]; }
  var sum: array<f32, TM * TN>;
  let start = chunk * P.chunkLength;
  let end = min(start + P.chunkLength, P.pixels);
  for (var p = start + 4u * t; p < end; p += 4u * WG) {
    let inside = within(item, p);
    var b: array<vec4f, TN>;
    for (var j = 0u; j < TN; j++) { b[j] = centred(min(base + j0 + j, last), p, shiftB[j], inside); }
    for (var i = 0u; i < TM; i++) {
      let a = centred(min(base + i0 + i, last), p, shiftA[i], inside);
      for (var j = 0u; j < TN; j++) { sum[i * TN + j] += dot(a, b[j]); }
    }
  }
  for (var e = 0u; e < TM * TN; e++) {
    part[e * WG + t] = sum[e];
  }
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    for (var k = t; k < TM * TN * half; k += WG) {
      let slot = (k / half) * WG + k % half;
      part[slot] += part[slot + half];
    }
    workgroupBarrier();
  }
  if (t < TM * TN) {
    let i = i0 + t / TN;
    let j = j0 + t % TN;
    if (i < P.channels && j <= i) {
      let packed = P.channels * (P.channels + 1u) / 2u;
      partial[(item * P.chunks + chunk) * packed + i * (i + 1u) / 2u + j] = part[t * WG];
    }
  }
}
