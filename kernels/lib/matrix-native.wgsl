// Matrix units of the device. The same names over plain arithmetic are in matrix-emulated.wgsl.
alias Left = subgroup_matrix_left<E, UNIT_K, UNIT_M>;
alias Right = subgroup_matrix_right<E, UNIT_N, UNIT_K>;
alias Sums = subgroup_matrix_result<f32, UNIT_N, UNIT_M>;
const LANES: u32 = SG;

fn startUnits(thread: u32) {}
fn subgroupOf(thread: u32, subgroup: u32) -> u32 { return subgroup; }
fn laneOf(thread: u32, lane: u32) -> u32 { return lane; }

fn loadLeft(row: u32, k: u32) -> Left {
  if (LEFT_ALONG_K == 1u) {
    return subgroupMatrixLoad<Left, row_major>(&tile, (row * LEFT_PITCH + k) / CELL, LEFT_PITCH / CELL);
  }
  return subgroupMatrixLoad<Left, col_major>(&tile, (k * LEFT_PITCH + row) / CELL, LEFT_PITCH / CELL);
}

fn loadRight(k: u32, column: u32) -> Right {
  if (RIGHT_ALONG_K == 1u) {
    let at = RIGHT_START + column * RIGHT_PITCH + k;
    return subgroupMatrixLoad<Right, col_major>(&tile, at / CELL, RIGHT_PITCH / CELL);
  }
  return subgroupMatrixLoad<Right, row_major>(&tile, (RIGHT_START + k * RIGHT_PITCH + column) / CELL, RIGHT_PITCH / CELL);
}

fn noSums(unit: u32) -> Sums { return Sums(); }
fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn storeSums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&tile, at / CELL_SUMS, sums, UNIT_N / CELL_SUMS); }

// What a thread brings at a step.
struct Brought {
  left0: Pack, left1: Pack, left2: Pack, left3: Pack, left4: Pack, left5: Pack, left6: Pack, left7: Pack,
  right0: Fetched, right1: Fetched, right2: Fetched, right3: Fetched,
  right4: Fetched, right5: Fetched, right6: Fetched, right7: Fetched,
}

fn fetch(terms: Terms, thread: u32, brought: ptr<function, Brought>) {
  let a = thread / LEFT_PACKS;
  let b = thread / RIGHT_PACKS;
  let atA = thread % LEFT_PACKS * PACK;
  let atB = thread % RIGHT_PACKS * PACK;
  (*brought).left0 = leftPack(terms, a, atA);
  (*brought).right0 = rightPack(terms, b, atB);
  if (PACKS > 1u) {
    (*brought).left1 = leftPack(terms, a + LEFT_LINES, atA);
    (*brought).right1 = rightPack(terms, b + RIGHT_LINES, atB);
  }
  if (PACKS > 2u) {
    (*brought).left2 = leftPack(terms, a + 2u * LEFT_LINES, atA);
    (*brought).left3 = leftPack(terms, a + 3u * LEFT_LINES, atA);
    (*brought).right2 = rightPack(terms, b + 2u * RIGHT_LINES, atB);
    (*brought).right3 = rightPack(terms, b + 3u * RIGHT_LINES, atB);
  }
  if (PACKS > 4u) {
    (*brought).left4 = leftPack(terms, a + 4u * LEFT_LINES, atA);
    (*brought).left5 = leftPack(terms, a + 5u * LEFT_LINES, atA);
    (*brought).left6 = leftPack(terms, a + 6u * LEFT_LINES, atA);
    (*brought).left7 = leftPack(terms, a + 7u * LEFT_LINES, atA);
    (*brought).right4 = rightPack(terms, b + 4u * RIGHT_LINES, atB);
    (*brought).right5 = rightPack(terms, b + 5u * RIGHT_LINES, atB);
    (*brought).right6 = rightPack(terms, b + 6u * RIGHT_LINES, atB);
    (*brought).right7 = rightPack(terms, b + 7u * RIGHT_LINES, atB);
  }
}

// into the tiles, for all to read after a barrier
fn putTiles(terms: Terms, thread: u32, brought: ptr<function, Brought>) {
  let line = thread / RIGHT_PACKS;
  let a = thread / LEFT_PACKS * LEFT_PITCH + thread % LEFT_PACKS * PACK;
  let b = RIGHT_START + line * RIGHT_PITCH + thread % RIGHT_PACKS * PACK;
  const A: u32 = LEFT_LINES * LEFT_PITCH;
  const B: u32 = RIGHT_LINES * RIGHT_PITCH;
  put(a, (*brought).left0);
  put(b, settled(terms, line, (*brought).right0));
  if (PACKS > 1u) {
    put(a + A, (*brought).left1);
    put(b + B, settled(terms, line + RIGHT_LINES, (*brought).right1));
  }
  if (PACKS > 2u) {
    put(a + 2u * A, (*brought).left2);
    put(a + 3u * A, (*brought).left3);
    put(b + 2u * B, settled(terms, line + 2u * RIGHT_LINES, (*brought).right2));
    put(b + 3u * B, settled(terms, line + 3u * RIGHT_LINES, (*brought).right3));
  }
  if (PACKS > 4u) {
    put(a + 4u * A, (*brought).left4);
    put(a + 5u * A, (*brought).left5);
    put(a + 6u * A, (*brought).left6);
    put(a + 7u * A, (*brought).left7);
    put(b + 4u * B, settled(terms, line + 4u * RIGHT_LINES, (*brought).right4));
    put(b + 5u * B, settled(terms, line + 5u * RIGHT_LINES, (*brought).right5));
    put(b + 6u * B, settled(terms, line + 6u * RIGHT_LINES, (*brought).right6));
    put(b + 7u * B, settled(terms, line + 7u * RIGHT_LINES, (*brought).right7));
  }
}

fn multiplyTiles(subgroup: u32, sums: ptr<function, Block>) {
  multiplyTerms(0u, subgroup, sums);
  if (STEP > UNIT_K) { multiplyTerms(UNIT_K, subgroup, sums); }
  if (STEP > 2u * UNIT_K) {
    multiplyTerms(2u * UNIT_K, subgroup, sums);
    multiplyTerms(3u * UNIT_K, subgroup, sums);
  }
}

fn keepAll(place: Place, subgroup: u32, lane: u32, sums: ptr<function, Block>) { keepBlock(place, subgroup, lane, sums); }
fn keepSums(place: Place, subgroup: u32, lane: u32, i: u32, j: u32, sums: Sums) {
  keepUnit(place, subgroup, lane, i, j, sums);
}
