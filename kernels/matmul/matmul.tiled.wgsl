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

  var parts = partsOf(sums);
  for (var part = 0u; part < PARTS_M * PARTS_N; part++) {
    let i = i0 + rowOfPart(thread, part);
    let j = j0 + columnOfPart(thread, part);
    for (var r = 0u; r < min(4u, P.m - min(i, P.m)); r++) {
      let row = parts[part][r];
      for (var e = 0u; e < 4u; e++) {
        if (j + e < P.n) { store(slot, item, i + r, j + e, row[e]); }
      }
    }
  }
}
