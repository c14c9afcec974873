// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias) on matrix units; lib/matrix-tile.wgsl says how a workgroup
// multiplies its tile. Lines of the tiles run along the axis on which neighbours in memory lie. A slot is a part of k,
// P.slotTerms long, a multiple of the step.
struct Place { item: u32, slot: u32, row: u32, column: u32 }
// A step's terms from k on: where the item's matrices start, and the tile's first row and column.
struct Terms { a: u32, b: u32, row: u32, column: u32, k: u32 }
alias Fetched = Pack;
fn settled(terms: Terms, line: u32, pack: Fetched) -> Pack { return pack; }

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(subgroup_id) subgroupId: u32,
  @builtin(subgroup_invocation_id) laneId: u32,
) {
  let thread = local.x;
  let subgroup = subgroupOf(thread, subgroupId);
  startUnits(thread);
  let blocks = (P.m + TILE - 1u) / TILE;
  let tiles = (P.n + TILE - 1u) / TILE;
  let index = groupIndex(group, groups);
  let rest = index / blocks / tiles;
  let place = Place(rest / P.slots, rest % P.slots, index % blocks * TILE, index / blocks % tiles * TILE);
  if (place.item >= P.batch) { return; } // uniform across the workgroup

  var brought: Brought;
  var sums = noBlock();
  let start = place.slot * P.slotTerms;
  let end = min(P.k, start + P.slotTerms);
  var terms = Terms(place.item * P.aBatch, place.item * P.bBatch, place.row, place.column, start);
  fetch(terms, thread, &brought);
  while (terms.k < end) {
    putTiles(terms, thread, &brought);
    workgroupBarrier();
    terms.k += STEP;
    fetch(terms, thread, &brought);
    multiplyTiles(subgroup, &sums);
    workgroupBarrier();
  }
  keepAll(place, subgroup, laneOf(thread, laneId), &sums);
}

fn leftPack(terms: Terms, line: u32, at: u32) -> Pack {
  if (LEFT_ALONG_K == 1u) {
    let i = terms.row + line;
    return aPack(terms.a + i * P.aRow, terms.k + at, P.k, i < P.m);
  }
  let k = terms.k + line;
  return aPack(terms.a + k * P.aColumn, terms.row + at, P.m, k < P.k);
}

fn rightPack(terms: Terms, line: u32, at: u32) -> Fetched {
  if (RIGHT_ALONG_K == 1u) {
    let j = terms.column + line;
    return bPack(terms.b + j * P.bColumn, terms.k + at, P.k, j < P.n);
  }
  let k = terms.k + line;
  return bPack(terms.b + k * P.bRow, terms.column + at, P.n, k < P.k);
}

fn keep(place: Place, row: u32, column: u32, low: vec4f, high: vec4f) {
  let i = place.row + row;
  let j = place.column + column;
  if (i >= P.m) { return; }
  storeFour(place.slot, place.item, i, j, low);
  storeFour(place.slot, place.item, i, j + 4u, high);
}
