// One step of a product of matrices on matrix units: a workgroup owns TILE x TILE results and takes STEP terms of each.
//
// The terms lie in workgroup memory, lines of neighbours in memory: a line of the left tile holds one row's terms, or one term
// of all rows (LEFT_ALONG_K 0); the right tile likewise for columns. Both are read as they lie, by rows or by columns of a
// unit's operand. Lines are moved in packs of 16 bytes, all that an instruction can move, and are a pack longer than they hold:
// eight of them then start in different banks. What the next step needs is on its way from memory while this one multiplies.
//
// A subgroup keeps a block of sums in registers, 4 x 4 units in the large tile, and loads 4 + 4 operands for 16 products. It
// is written out, name by name, and so are the packs that a thread brings: drivers do not unroll loops over arrays of such
// things, and what is indexed by a variable lives in memory, which on an H200 costs six sevenths of the speed.
//
// The kernel defines `Terms`, where a step's terms lie, leftPack(terms, line, at) and rightPack(terms, line, at), which fetch
// PACK neighbours `at` values into a line of the tile; `Place`, where results lie, and keep(place, row, column, low, high),
// which stores eight neighbours of a row of the tile. Whatever looks at what was fetched waits for it: what a right pack is
// until it is put may be something else, `Fetched`, of which settled(terms, line, fetched) makes a pack.
const STEP: u32 = (select(64u, 32u, TILE == 128u) << DEEP) / E_BYTES;
const LEFT_LINE: u32 = select(TILE, STEP, LEFT_ALONG_K == 1u);
const RIGHT_LINE: u32 = select(TILE, STEP, RIGHT_ALONG_K == 1u);
const LEFT_PITCH: u32 = LEFT_LINE + PACK;
const RIGHT_PITCH: u32 = RIGHT_LINE + PACK;
const RIGHT_START: u32 = TILE * STEP / LEFT_LINE * LEFT_PITCH;
var<workgroup> tile: array<Cell, (RIGHT_START + TILE * STEP / RIGHT_LINE * RIGHT_PITCH) / CELL>;

// a block's units, and the subgroups that share the tile
const UNITS_M: u32 = min(4u, TILE / 2u / UNIT_M);
const UNITS_N: u32 = min(4u, TILE / 2u / UNIT_N);
const BLOCK_M: u32 = UNITS_M * UNIT_M;
const BLOCK_N: u32 = UNITS_N * UNIT_N;
const ACROSS: u32 = TILE / BLOCK_N;
const WG: u32 = TILE / BLOCK_M * ACROSS * LANES;
const UNIT: u32 = UNIT_M * UNIT_N;

// Packs of either tile that a thread brings at each step, at most eight; those of a line, and lines that all threads bring at once.
const PACKS: u32 = TILE * STEP / PACK / WG;
const LEFT_PACKS: u32 = LEFT_LINE / PACK;
const RIGHT_PACKS: u32 = RIGHT_LINE / PACK;
const LEFT_LINES: u32 = WG / LEFT_PACKS;
const RIGHT_LINES: u32 = WG / RIGHT_PACKS;

// Sums of unit i down and j across are sIJ.
struct Block {
  s00: Sums, s01: Sums, s02: Sums, s03: Sums,
  s10: Sums, s11: Sums, s12: Sums, s13: Sums,
  s20: Sums, s21: Sums, s22: Sums, s23: Sums,
  s30: Sums, s31: Sums, s32: Sums, s33: Sums,
}

fn noBlock() -> Block {
  return Block(
    noSums(0u), noSums(1u), noSums(2u), noSums(3u),
    noSums(4u), noSums(5u), noSums(6u), noSums(7u),
    noSums(8u), noSums(9u), noSums(10u), noSums(11u),
    noSums(12u), noSums(13u), noSums(14u), noSums(15u),
  );
}

fn multiplyTerms(k: u32, subgroup: u32, sums: ptr<function, Block>) {
  let row = subgroup / ACROSS * BLOCK_M;
  let column = subgroup % ACROSS * BLOCK_N;
  // what a smaller block has none of is loaded twice and used never
  const ROW2: u32 = select(0u, 2u * UNIT_M, UNITS_M > 2u);
  const ROW3: u32 = select(0u, 3u * UNIT_M, UNITS_M > 2u);
  const COLUMN2: u32 = select(0u, 2u * UNIT_N, UNITS_N > 2u);
  const COLUMN3: u32 = select(0u, 3u * UNIT_N, UNITS_N > 2u);
  let b0 = loadRight(k, column);
  let b1 = loadRight(k, column + UNIT_N);
  let b2 = loadRight(k, column + COLUMN2);
  let b3 = loadRight(k, column + COLUMN3);
  let a0 = loadLeft(row, k);
  let a1 = loadLeft(row + UNIT_M, k);
  let a2 = loadLeft(row + ROW2, k);
  let a3 = loadLeft(row + ROW3, k);
  (*sums).s00 = multiplyAdd(a0, b0, (*sums).s00);
  (*sums).s01 = multiplyAdd(a0, b1, (*sums).s01);
  if (UNITS_N > 2u) {
    (*sums).s02 = multiplyAdd(a0, b2, (*sums).s02);
    (*sums).s03 = multiplyAdd(a0, b3, (*sums).s03);
  }
  (*sums).s10 = multiplyAdd(a1, b0, (*sums).s10);
  (*sums).s11 = multiplyAdd(a1, b1, (*sums).s11);
  if (UNITS_N > 2u) {
    (*sums).s12 = multiplyAdd(a1, b2, (*sums).s12);
    (*sums).s13 = multiplyAdd(a1, b3, (*sums).s13);
  }
  if (UNITS_M > 2u) {
    (*sums).s20 = multiplyAdd(a2, b0, (*sums).s20);
    (*sums).s21 = multiplyAdd(a2, b1, (*sums).s21);
    if (UNITS_N > 2u) {
      (*sums).s22 = multiplyAdd(a2, b2, (*sums).s22);
      (*sums).s23 = multiplyAdd(a2, b3, (*sums).s23);
    }
    (*sums).s30 = multiplyAdd(a3, b0, (*sums).s30);
    (*sums).s31 = multiplyAdd(a3, b1, (*sums).s31);
    if (UNITS_N > 2u) {
      (*sums).s32 = multiplyAdd(a3, b2, (*sums).s32);
      (*sums).s33 = multiplyAdd(a3, b3, (*sums).s33);
    }
  }
}

// Hands all sums to keepSums(), name by name as well: not a loop with a switch, which held a product of 4096 x 4096 x 4096
// halves to 156 TFLOP/s on an H200 where text written out (and inlined by hand) measured 175.
fn keepBlock(place: Place, subgroup: u32, lane: u32, sums: ptr<function, Block>) {
  keepSums(place, subgroup, lane, 0u, 0u, (*sums).s00);
  keepSums(place, subgroup, lane, 0u, 1u, (*sums).s01);
  if (UNITS_N > 2u) {
    keepSums(place, subgroup, lane, 0u, 2u, (*sums).s02);
    keepSums(place, subgroup, lane, 0u, 3u, (*sums).s03);
  }
  keepSums(place, subgroup, lane, 1u, 0u, (*sums).s10);
  keepSums(place, subgroup, lane, 1u, 1u, (*sums).s11);
  if (UNITS_N > 2u) {
    keepSums(place, subgroup, lane, 1u, 2u, (*sums).s12);
    keepSums(place, subgroup, lane, 1u, 3u, (*sums).s13);
  }
  if (UNITS_M > 2u) {
    keepSums(place, subgroup, lane, 2u, 0u, (*sums).s20);
    keepSums(place, subgroup, lane, 2u, 1u, (*sums).s21);
    if (UNITS_N > 2u) {
      keepSums(place, subgroup, lane, 2u, 2u, (*sums).s22);
      keepSums(place, subgroup, lane, 2u, 3u, (*sums).s23);
    }
    keepSums(place, subgroup, lane, 3u, 0u, (*sums).s30);
    keepSums(place, subgroup, lane, 3u, 1u, (*sums).s31);
    if (UNITS_N > 2u) {
      keepSums(place, subgroup, lane, 3u, 2u, (*sums).s32);
      keepSums(place, subgroup, lane, 3u, 3u, (*sums).s33);
    }
  }
}

// Stores one unit's sums, i down and j across, by way of the tiles' memory: nobody else knows which lane holds what.
fn keepUnit(place: Place, subgroup: u32, lane: u32, i: u32, j: u32, sums: Sums) {
  let at = subgroup * UNIT;
  let row = subgroup / ACROSS * BLOCK_M + i * UNIT_M;
  let column = subgroup % ACROSS * BLOCK_N + j * UNIT_N;
  storeSums(at, sums);
  workgroupBarrier();
  for (var v = lane * 8u; v < UNIT; v += LANES * 8u) {
    let low = fourSums(at + v);
    let high = fourSums(at + v + 4u);
    keep(place, row + v / UNIT_N, column + v % UNIT_N, low, high);
  }
  workgroupBarrier();
}
