// partial[item, chunk, i(i+1)/2 + j] = Σ (x_i - mean_i)(x_j - mean_j) over the pixels of one chunk, j <= i.
// One workgroup a chunk and a tile of TILE x TILE channel pairs. Each thread takes every WG-th vector of four pixels, so that
// one accumulator adds at most chunkLength / (4 WG) terms; the four lanes and the threads are then added in a tree.
// Tiles above the diagonal are left out: row block I has I + 1 tiles, and I (I + 1) / 2 come before it.
const TILE = 8u;
var<workgroup> part: array<f32, TILE * TILE * WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups);
  if (index >= P.items * P.tiles * P.chunks) { return; } // uniform across the workgroup
  let chunk = index % P.chunks;
  let tile = (index / P.chunks) % P.tiles;
  let item = index / (P.chunks * P.tiles);
  var block = 0u;
  while ((block + 1u) * (block + 2u) / 2u <= tile) { block++; }
  let i0 = block * TILE;
  let j0 = (tile - block * (block + 1u) / 2u) * TILE;
  let base = item * P.channels;
  let last = base + P.channels - 1u;

  var shiftA: array<f32, TILE>;
  var shiftB: array<f32, TILE>;
  for (var i = 0u; i < TILE; i++) { shiftA[i] = mean[min(base + i0 + i, last)]; }
  for (var j = 0u; j < TILE; j++) { shiftB[j] = mean[min(base + j0 + j, last)]; }
  var sum: array<f32, TILE * TILE>;
  let start = chunk * P.chunkLength;
  let end = min(start + P.chunkLength, P.pixels);
  for (var p = start + 4u * t; p < end; p += 4u * WG) {
    let inside = within(item, p);
    if (MASKED == 1u && !any(inside)) { continue; } // regions are coherent: most vectors of others are left out
    var b: array<vec4f, TILE>;
    for (var j = 0u; j < TILE; j++) { b[j] = centred(min(base + j0 + j, last), p, shiftB[j], inside); }
    for (var i = 0u; i < TILE; i++) {
      let a = centred(min(base + i0 + i, last), p, shiftA[i], inside);
      for (var j = 0u; j < TILE; j++) { sum[i * TILE + j] += dot(a, b[j]); }
    }
  }
  for (var e = 0u; e < TILE * TILE; e++) {
    part[e * WG + t] = sum[e];
  }
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    for (var k = t; k < TILE * TILE * half; k += WG) {
      let slot = (k / half) * WG + k % half;
      part[slot] += part[slot + half];
    }
    workgroupBarrier();
  }
  if (t < TILE * TILE) {
    let i = i0 + t / TILE;
    let j = j0 + t % TILE;
    if (i < P.channels && j <= i) {
      let packed = P.channels * (P.channels + 1u) / 2u;
      partial[(item * P.chunks + chunk) * packed + i * (i + 1u) / 2u + j] = part[t * WG];
    }
  }
}
