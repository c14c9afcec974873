// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias) on matrix units; lib/matrix-tile.wgsl says how a workgroup
// multiplies its tile. Lines of the tiles run along the axis on which neighbours in memory lie. The quads of the next step
// are fetched before this one's are multiplied, so that the units do not wait for memory. A slot is a part of k, P.slotTerms long,
// a multiple of the step.
struct Place { item: u32, slot: u32, row: u32, column: u32 }

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let thread = local.x;
  let blocks = (P.m + TILE - 1u) / TILE;
  let tiles = (P.n + TILE - 1u) / TILE;
  let index = groupIndex(group, groups);
  let rest = index / blocks / tiles;
  let place = Place(rest / P.slots, rest % P.slots, index % blocks * TILE, index / blocks % tiles * TILE);
  if (place.item >= P.batch) { return; } // uniform across the workgroup
  startUnits(lane);

  var left: Quads;
  var right: Quads;
  var sums: Block;
  let start = place.slot * P.slotTerms;
  let end = min(P.k, start + P.slotTerms);
  fetch(place, thread, start, &left, &right);
  for (var k = start; k < end; k += STEP) {
    putQuads(thread, left, right);
    workgroupBarrier();
    fetch(place, thread, k + STEP, &left, &right);
    multiplyTiles(subgroup, &sums);
    workgroupBarrier();
  }
  keepAll(place, thread, subgroup, &sums);
}

fn fetch(place: Place, thread: u32, k: u32, left: ptr<function, Quads>, right: ptr<function, Quads>) {
  for (var q = 0u; q < rolled(QUADS); q++) {
    let a = leftQuad(thread + q * WG);
    if (LEFT_ALONG_K == 1u) {
      let i = place.row + a.x;
      (*left)[q] = aQuad(place.item * P.aBatch + i * P.aRow + k + a.y, upTo(k + a.y, P.k, i < P.m));
    } else {
      let i = place.row + a.y;
      (*left)[q] = aQuad(place.item * P.aBatch + (k + a.x) * P.aColumn + i, upTo(i, P.m, k + a.x < P.k));
    }
    let b = rightQuad(thread + q * WG);
    if (RIGHT_ALONG_K == 1u) {
      let j = place.column + b.x;
      (*right)[q] = bQuad(place.item * P.bBatch + j * P.bColumn + k + b.y, upTo(k + b.y, P.k, j < P.n));
    } else {
      let j = place.column + b.y;
      (*right)[q] = bQuad(place.item * P.bBatch + (k + b.x) * P.bRow + j, upTo(j, P.n, k + b.x < P.k));
    }
  }
}

// how many of the values from `start` on there are before `end`, on a line that is inside the matrix
fn upTo(start: u32, end: u32, inside: bool) -> u32 { return select(0u, end - start, inside && start < end); }

fn keep(place: Place, row: u32, column: u32, sum: f32) {
  let i = place.row + row;
  let j = place.column + column;
  if (i < P.m && j < P.n) { store(place.slot, place.item, i, j, sum); }
}
