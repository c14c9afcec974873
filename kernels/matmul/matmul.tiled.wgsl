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

  for (var r = 0u; r < BLOCK_M; r++) {
    let i = i0 + rowOf(thread, r);
    if (i >= P.m) { continue; }
    for (var q = 0u; q < BLOCK_QUADS; q++) {
      let j = j0 + columnOf(thread, q);
      for (var e = 0u; e < 4u; e++) {
        if (j + e < P.n) { store(slot, item, i, j + e, sums[r * BLOCK_QUADS + q][e]); }
      }
    }
  }
}
