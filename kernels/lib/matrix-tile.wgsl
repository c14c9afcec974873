// One step of a product of matrices on matrix units: TILE x TILE results a workgroup of 2 TILE threads, STEP terms of each.
//
// A kernel brings the terms into leftTile and rightTile, lines of neighbours in memory: a line of leftTile holds one row's
// terms, or one term of all rows (LEFT_ALONG_K 0); rightTile likewise for columns. Both are read as they lie, by rows or
// by columns of a unit's operand. The subgroups divide the tile among them, DOWN x ACROSS, and each keeps its block of
// UNITS_M x UNITS_N units' sums in registers, so that an operand once loaded is used UNITS_N or UNITS_M times. Lines are 16
// bytes longer than they hold: eight of them then start in different banks. Everything stays below 16 KiB.
//
// The kernel defines `Place`, where a tile lies, and keep(place, row, column, sum), which stores one finished sum.
const WG: u32 = 2u * TILE;
const STEP: u32 = select(64u, 32u, TILE == 128u) / E_BYTES;
const PAD: u32 = 16u / E_BYTES;
const LEFT_LINE: u32 = select(TILE, STEP, LEFT_ALONG_K == 1u);
const RIGHT_LINE: u32 = select(TILE, STEP, RIGHT_ALONG_K == 1u);
const LEFT_PITCH: u32 = LEFT_LINE + PAD;
const RIGHT_PITCH: u32 = RIGHT_LINE + PAD;
const QUADS: u32 = TILE * STEP / 4u / WG; // of either tile, that a thread brings at each step
alias Quads = array<vec4<E>, QUADS>;

const SUBGROUPS: u32 = WG / SG;
const DOWN: u32 = select(select(select(1u, 2u, SUBGROUPS >= 4u), 4u, SUBGROUPS >= 16u), 8u, SUBGROUPS >= 64u);
const ACROSS: u32 = SUBGROUPS / DOWN;
const UNITS_M: u32 = TILE / DOWN / UNIT_M;
const UNITS_N: u32 = TILE / ACROSS / UNIT_N;
alias Block = array<Sums, UNITS_M * UNITS_N>;

const UNIT: u32 = UNIT_M * UNIT_N;
const SLOTS: u32 = min(SUBGROUPS, 1024u / UNIT); // units in scratch

var<workgroup> leftTile: array<Cell, TILE * STEP / LEFT_LINE * LEFT_PITCH / CELL>;
var<workgroup> rightTile: array<Cell, TILE * STEP / RIGHT_LINE * RIGHT_PITCH / CELL>;
var<workgroup> scratch: array<f32, SLOTS * UNIT>;

// Quad s of a tile lies in this line, after this many values.
fn leftQuad(s: u32) -> vec2u { return vec2u(s / (LEFT_LINE / 4u), s % (LEFT_LINE / 4u) * 4u); }
fn rightQuad(s: u32) -> vec2u { return vec2u(s / (RIGHT_LINE / 4u), s % (RIGHT_LINE / 4u) * 4u); }

fn putQuads(thread: u32, left: Quads, right: Quads) {
  for (var q = 0u; q < rolled(QUADS); q++) {
    let a = leftQuad(thread + q * WG);
    let b = rightQuad(thread + q * WG);
    putLeft(a.x * LEFT_PITCH + a.y, left[q]);
    putRight(b.x * RIGHT_PITCH + b.y, right[q]);
  }
}

fn multiplyTiles(subgroup: u32, sums: ptr<function, Block>) {
  let row = subgroup / ACROSS * UNITS_M * UNIT_M;
  let column = subgroup % ACROSS * UNITS_N * UNIT_N;
  for (var k = 0u; k < rolled(STEP); k += UNIT_K) {
    var right: array<Right, UNITS_N>;
    for (var j = 0u; j < rolled(UNITS_N); j++) { right[j] = loadRight(k, column + j * UNIT_N); }
    for (var i = 0u; i < rolled(UNITS_M); i++) {
      let left = loadLeft(row + i * UNIT_M, k);
      for (var j = 0u; j < rolled(UNITS_N); j++) {
        (*sums)[i * UNITS_N + j] = multiplyAdd(left, right[j], (*sums)[i * UNITS_N + j]);
      }
    }
  }
}

// Hands every sum to keep(), by way of scratch: nobody else knows which lane holds what.
fn keepAll(place: Place, thread: u32, subgroup: u32, sums: ptr<function, Block>) {
  for (var unit = 0u; unit < UNITS_M * UNITS_N; unit++) {
    for (var first = 0u; first < SUBGROUPS; first += SLOTS) {
      if (subgroup >= first && subgroup < first + SLOTS) { storeSums((subgroup - first) * UNIT, (*sums)[unit]); }
      workgroupBarrier();
      for (var v = thread; v < SLOTS * UNIT; v += WG) {
        let owner = first + v / UNIT;
        let row = (owner / ACROSS * UNITS_M + unit / UNITS_N) * UNIT_M + v % UNIT / UNIT_N;
        let column = (owner % ACROSS * UNITS_N + unit % UNITS_N) * UNIT_N + v % UNIT_N;
        keep(place, row, column, scratch[v]);
      }
      workgroupBarrier();
    }
  }
}
