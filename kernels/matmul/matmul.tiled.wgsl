// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias), for GPUs. Strides say how A and B lie.
//
// A workgroup owns a tile of one item and one slot of k; see lib/tile.wgsl. How the four rows or columns of a quad
// are read, and where sums go, is said by the other files of the kernel.
const STEP: u32 = 16u;
const PAD: u32 = select(1u, 0u, TILE_M * TILE_N == 16384u); // within 16 KiB

// the terms up to `end` are those of one slot
struct Place { item: u32, slot: u32, row: u32, column: u32, end: u32 }

fn rowsAt(place: Place, share: Share, unit: u32, k0: u32) -> T4 {
  let k = k0 + termOf(share, unit);
  let i = place.row + 4u * quadOf(share, unit);
  var rows = T4();
  if (k < place.end) { rows = aQuad(place.item * P.aBatch + k * P.aColumn, i); }
  return rows;
}

fn columnsAt(place: Place, share: Share, unit: u32, k0: u32) -> T4 {
  let k = k0 + termOf(share, unit);
  let j = place.column + 4u * quadOf(share, unit);
  var columns = T4();
  if (k < place.end) { columns = bQuad(place.item * P.bBatch + k * P.bRow, j); }
  return columns;
}

// What a thread has fetched of a step: two quads of rows, and of columns as many, or four where tiles are wide.
struct Fetched { rows0: T4, rows1: T4, columns0: T4, columns1: T4, columns2: T4, columns3: T4 }

fn fetch(place: Place, left: Share, right: Share, k0: u32) -> Fetched {
  var fetched: Fetched;
  fetched.rows0 = rowsAt(place, left, 0u, k0);
  fetched.rows1 = rowsAt(place, left, 1u, k0);
  fetched.columns0 = columnsAt(place, right, 0u, k0);
  fetched.columns1 = columnsAt(place, right, 1u, k0);
  if (SHARE_N == 4u) {
    fetched.columns2 = columnsAt(place, right, 2u, k0);
    fetched.columns3 = columnsAt(place, right, 3u, k0);
  }
  return fetched;
}

fn put(left: Share, right: Share, fetched: Fetched) {
  putRows(left, 0u, vec4f(fetched.rows0));
  putRows(left, 1u, vec4f(fetched.rows1));
  putColumns(right, 0u, vec4f(fetched.columns0));
  putColumns(right, 1u, vec4f(fetched.columns1));
  if (SHARE_N == 4u) {
    putColumns(right, 2u, vec4f(fetched.columns2));
    putColumns(right, 3u, vec4f(fetched.columns3));
  }
}

// Fetches and puts one quad at a time, for software drivers, where all that counts is how fast a text compiles.
fn bring(place: Place, left: Share, right: Share, k: u32) {
  for (var unit = 0u; unit < rolled(SHARE_M); unit++) { putRows(left, unit, vec4f(rowsAt(place, left, unit, k))); }
  for (var unit = 0u; unit < rolled(SHARE_N); unit++) {
    putColumns(right, unit, vec4f(columnsAt(place, right, unit, k)));
  }
}

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
  let start = slot * P.slotTerms;
  let place = Place(item, slot, tile.x * TILE_M, tile.y * TILE_N, min(P.k, start + P.slotTerms));

  let block = blockOf(thread);
  let left = shareOf(thread, P.aColumn == 1u, QUADS_M);
  let right = shareOf(thread, P.bRow == 1u, QUADS_N);
  var sums: Sums;
  var fetched: Fetched;
  if (UNROLL > 1u) { fetched = fetch(place, left, right, start); }
  for (var k = start; k < place.end; k += STEP) {
    if (UNROLL == 1u) { bring(place, left, right, k); } else { put(left, right, fetched); }
    workgroupBarrier();
    if (UNROLL > 1u) { fetched = fetch(place, left, right, k + STEP); }
    multiplyTiles(min(STEP, place.end - k), block, &sums);
    workgroupBarrier();
  }
  keepBlock(place, block, &sums);
}

fn keepFour(place: Place, row: u32, quad: u32, sums: vec4f) {
  let i = place.row + row;
  let j = place.column + 4u * quad;
  if (i < P.m && j < P.n) { storeFour(place.slot, place.item, i, j, sums); }
}
