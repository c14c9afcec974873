// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias), for GPUs. Strides say how A and B lie.
//
// A workgroup owns a tile of one item and one slot of k; see lib/tile.wgsl. How A and B come into workgroup memory, and where
// the sums go, is said by the other files of the kernel.
@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.m + TILE_M - 1u) / TILE_M;
  let tiles = (P.n + TILE_N - 1u) / TILE_N;
  let index = groupIndex(group, groups);
  let tile = tileAt(index % (blocks * tiles), blocks, tiles);
  let slot = index / (blocks * tiles) % P.slots;
  let item = index / (blocks * tiles) / P.slots;
  if (item >= P.batch) { return; } // uniform across the workgroup
  let i0 = tile.x * TILE_M;
  let j0 = tile.y * TILE_N;

  var sums: Sums;
  let end = min(P.k, (slot + 1u) * P.slotTerms);
  for (var k0 = slot * P.slotTerms; k0 < end; k0 += STEP) {
    loadRows(thread, item, i0, k0, end);
    loadColumns(thread, item, j0, k0, end);
    workgroupBarrier();
    multiplyTiles(thread, min(STEP, end - k0), &sums);
    workgroupBarrier();
  }

  if (UNROLL == 4u) {
    storePart(slot, item, i0, j0, thread, 0u, sums.topLeft);
    if (BLOCK_N == 8u) { storePart(slot, item, i0, j0, thread, 1u, sums.topRight); }
    if (BLOCK_M == 8u) { storePart(slot, item, i0, j0, thread, PARTS_N, sums.bottomLeft); }
    if (BLOCK_M == 8u && BLOCK_N == 8u) { storePart(slot, item, i0, j0, thread, 3u, sums.bottomRight); }
    return;
  }
  var parts = partsOf(sums);
  for (var part = 0u; part < PARTS_M * PARTS_N; part++) {
    let i = i0 + rowOfPart(thread, part);
    let j = j0 + columnOfPart(thread, part);
    if (j >= P.n) { continue; }
    for (var r = 0u; r < min(4u, P.m - min(i, P.m)); r++) { storeFour(slot, item, i + r, j, parts[part][r]); }
  }
}

// The same without a loop and a variable index, which some compilers would keep in memory.
fn storePart(slot: u32, item: u32, i0: u32, j0: u32, thread: u32, part: u32, sums: mat4x4f) {
  let i = i0 + rowOfPart(thread, part);
  let j = j0 + columnOfPart(thread, part);
  if (j >= P.n) { return; }
  if (i < P.m) { storeFour(slot, item, i, j, sums[0]); }
  if (i + 1u < P.m) { storeFour(slot, item, i + 1u, j, sums[1]); }
  if (i + 2u < P.m) { storeFour(slot, item, i + 2u, j, sums[2]); }
  if (i + 3u < P.m) { storeFour(slot, item, i + 3u, j, sums[3]); }
}
