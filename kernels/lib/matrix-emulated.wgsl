// Matrix units in plain arithmetic, so that kernels written for them can be proved where there are none: what is left of
// matrix-native.wgsl without hardware. A subgroup is any 32 neighbouring threads. An operand is the place in its tile, sums are
// the number of a pair of vectors: of the sums, taken row by row, a lane holds a run of neighbours, four at least. Products
// wait in a queue, so that one loop computes all, and so do finished sums: software drivers compile for seconds what stands in
// sixteen places.
const LEFT_ROW: u32 = select(1u, LEFT_PITCH, LEFT_ALONG_K == 1u);
const LEFT_TERM: u32 = select(LEFT_PITCH, 1u, LEFT_ALONG_K == 1u);
const RIGHT_COLUMN: u32 = select(1u, RIGHT_PITCH, RIGHT_ALONG_K == 1u);
const RIGHT_TERM: u32 = select(RIGHT_PITCH, 1u, RIGHT_ALONG_K == 1u);
const LANES: u32 = 32u;
const RUN: u32 = max(4u, UNIT / LANES);
alias Left = u32;
alias Right = u32;
alias Sums = u32;

var<private> kept: array<vec4f, 32>;
var<private> queue: array<vec3u, 16>; // left, right, sums; or i, j, sums
var<private> queued: u32;
var<private> unitRun: u32; // where the lane's run starts
fn startUnits(thread: u32) {
  unitRun = thread % LANES * RUN % UNIT;
}
fn subgroupOf(thread: u32, subgroup: u32) -> u32 { return thread / LANES; }
fn laneOf(thread: u32, lane: u32) -> u32 { return thread % LANES; }
// A bound of loops that software drivers should not unroll: they would compile for seconds.
fn rolled(count: u32) -> u32 { return count + (P.slots >> 31u); } // 0, which no compiler knows

fn loadLeft(row: u32, k: u32) -> Left { return row * LEFT_ROW + k * LEFT_TERM; }
fn loadRight(k: u32, column: u32) -> Right { return RIGHT_START + column * RIGHT_COLUMN + k * RIGHT_TERM; }

fn noSums(unit: u32) -> Sums { return 2u * unit; }
fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums {
  queue[queued] = vec3u(left, right, sums);
  queued++;
  return sums;
}

struct Brought { left: array<Pack, PACKS>, right: array<Fetched, PACKS> }

fn fetch(terms: Terms, thread: u32, brought: ptr<function, Brought>) {
  for (var q = 0u; q < rolled(PACKS); q++) {
    (*brought).left[q] = leftPack(terms, thread / LEFT_PACKS + q * LEFT_LINES, thread % LEFT_PACKS * PACK);
    (*brought).right[q] = rightPack(terms, thread / RIGHT_PACKS + q * RIGHT_LINES, thread % RIGHT_PACKS * PACK);
  }
}

fn putTiles(terms: Terms, thread: u32, brought: ptr<function, Brought>) {
  let left = thread / LEFT_PACKS * LEFT_PITCH + thread % LEFT_PACKS * PACK;
  let line = thread / RIGHT_PACKS;
  let right = RIGHT_START + line * RIGHT_PITCH + thread % RIGHT_PACKS * PACK;
  for (var q = 0u; q < rolled(PACKS); q++) {
    put(left + q * LEFT_LINES * LEFT_PITCH, (*brought).left[q]);
    put(right + q * RIGHT_LINES * RIGHT_PITCH, settled(terms, line + q * RIGHT_LINES, (*brought).right[q]));
  }
}

fn multiplyTiles(subgroup: u32, sums: ptr<function, Block>) {
  for (var k = 0u; k < rolled(STEP); k += UNIT_K) {
    queued = 0u;
    multiplyTerms(k, subgroup, sums);
    for (var q = 0u; q < queued; q++) { compute(queue[q].x, queue[q].y, queue[q].z); }
  }
}

fn compute(left: Left, right: Right, sums: Sums) {
  var row = left + unitRun / UNIT_N * LEFT_ROW;
  var column = right + unitRun % UNIT_N * RIGHT_COLUMN;
  var low = kept[sums];
  var high = kept[sums + 1u];
  for (var k = 0u; k < rolled(UNIT_K); k++) {
    let a = operandAt(row);
    low += a * fourColumns(column);
    if (RUN > 4u) { high += a * fourColumns(column + 4u * RIGHT_COLUMN); }
    row += LEFT_TERM;
    column += RIGHT_TERM;
  }
  kept[sums] = low;
  kept[sums + 1u] = high;
}

fn fourColumns(at: u32) -> vec4f {
  if (RIGHT_COLUMN == 1u) { return fourOperands(at); }
  return vec4f(
    operandAt(at),
    operandAt(at + RIGHT_COLUMN),
    operandAt(at + 2u * RIGHT_COLUMN),
    operandAt(at + 3u * RIGHT_COLUMN),
  );
}

fn storeSums(at: u32, sums: Sums) {
  putFourSums(at + unitRun, kept[sums]);
  if (RUN > 4u) { putFourSums(at + unitRun + 4u, kept[sums + 1u]); }
}

fn keepAll(place: Place, subgroup: u32, lane: u32, sums: ptr<function, Block>) {
  queued = 0u;
  keepBlock(place, subgroup, lane, sums);
  for (var q = 0u; q < rolled(UNITS_M * UNITS_N); q++) {
    keepUnit(place, subgroup, lane, queue[q].x, queue[q].y, queue[q].z);
  }
}

fn keepSums(place: Place, subgroup: u32, lane: u32, i: u32, j: u32, sums: Sums) {
  queue[queued] = vec3u(i, j, sums);
  queued++;
}
