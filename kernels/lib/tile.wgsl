// A workgroup's tile of a matrix product, for GPUs: TILE_M rows by TILE_N columns, on THREADS threads.
//
// Each step brings STEP terms of the tile's rows and columns into workgroup memory, as vectors of four neighbouring rows
// (rowTile[term][quad]) or columns (columnTile[term][quad]). Then every thread adds STEP outer products to its block of
// BLOCK_M × BLOCK_N sums in registers: sixteen values read for 64 multiply-adds. What else makes it fast:
//
//   - A thread fetches its share of the next step into registers before it multiplies this one's, so that memory and
//     arithmetic overlap; the kernels do that, for they know where rows and columns lie.
//   - Threads go in groups of 32, which read eight different vectors of columns and four of rows at a time: what several of
//     them read at once counts once. On devices whose threads run in other numbers the order is as right, if not as fast.
//   - Terms are written out (UNROLL), not counted by a loop: workgroup memory is then read at constant distances.
//   - Shares are stored as whole vectors, since WGSL lets a write to one component touch the others, too.
//
// The kernel defines STEP, 8 or 16, PAD, which spreads what is written over the banks, `Place`, where a tile lies, and
// keepFour(place, row, quad, sums), which stores four finished sums.
const BLOCK_M: u32 = select(8u, 4u, TILE_M == 32u);
const BLOCK_N: u32 = select(4u, 8u, TILE_N == 128u);
const THREADS: u32 = TILE_M * TILE_N / BLOCK_M / BLOCK_N;
const QUADS_M: u32 = TILE_M / 4u;
const QUADS_N: u32 = TILE_N / 4u;
const LANES_M: u32 = 4u;
const LANES_N: u32 = 8u;
const TEAMS_N: u32 = TILE_N / (LANES_N * BLOCK_N);
// quads of a step that a thread brings
const SHARE_M: u32 = STEP * QUADS_M / THREADS;
const SHARE_N: u32 = STEP * QUADS_N / THREADS;

var<workgroup> rowTile: array<array<vec4f, QUADS_M + PAD>, STEP>;
var<workgroup> columnTile: array<array<vec4f, QUADS_N + PAD>, STEP>;

// A thread's share of a step: quads of four neighbouring rows, or columns, at one term; the first, and how far it is to the next.
// Neighbouring threads bring neighbours in memory: terms of the same quad where these lie `along` the sum, else quads of the
// same term.
struct Share { term: u32, quad: u32, termOn: u32, quadOn: u32 }

fn shareOf(thread: u32, along: bool, quads: u32) -> Share {
  if (along) { return Share(thread % STEP, thread / STEP, 0u, THREADS / STEP); }
  return Share(thread / quads, thread % quads, THREADS / quads, 0u);
}

fn termOf(share: Share, unit: u32) -> u32 { return share.term + unit * share.termOn; }
fn quadOf(share: Share, unit: u32) -> u32 { return share.quad + unit * share.quadOn; }
fn putRows(share: Share, unit: u32, rows: vec4f) { rowTile[termOf(share, unit)][quadOf(share, unit)] = rows; }
fn putColumns(share: Share, unit: u32, columns: vec4f) { columnTile[termOf(share, unit)][quadOf(share, unit)] = columns; }

// The quads of a thread's block: these, and where it is eight high or wide those LANES_M or LANES_N further.
struct Block { row: u32, column: u32 }

fn blockOf(thread: u32) -> Block {
  let team = thread / 32u;
  let lane = thread % 32u;
  return Block(
    team / TEAMS_N * LANES_M * BLOCK_M / 4u + lane / LANES_N,
    team % TEAMS_N * LANES_N * BLOCK_N / 4u + lane % LANES_N,
  );
}

// Two vectors a row, each of four columns. Of smaller blocks the others stay untouched. Indexed by constants alone, so that it
// lies in registers.
alias Sums = array<vec4f, 16>;

fn addTerm(term: u32, block: Block, sums: ptr<function, Sums>) {
  let top = rowTile[term][block.row];
  let left = columnTile[term][block.column];
  (*sums)[0] = fma(vec4f(top.x), left, (*sums)[0]);
  (*sums)[2] = fma(vec4f(top.y), left, (*sums)[2]);
  (*sums)[4] = fma(vec4f(top.z), left, (*sums)[4]);
  (*sums)[6] = fma(vec4f(top.w), left, (*sums)[6]);
  if (BLOCK_N == 8u) {
    let right = columnTile[term][block.column + LANES_N];
    (*sums)[1] = fma(vec4f(top.x), right, (*sums)[1]);
    (*sums)[3] = fma(vec4f(top.y), right, (*sums)[3]);
    (*sums)[5] = fma(vec4f(top.z), right, (*sums)[5]);
    (*sums)[7] = fma(vec4f(top.w), right, (*sums)[7]);
  }
  if (BLOCK_M == 8u) {
    let bottom = rowTile[term][block.row + LANES_M];
    (*sums)[8] = fma(vec4f(bottom.x), left, (*sums)[8]);
    (*sums)[10] = fma(vec4f(bottom.y), left, (*sums)[10]);
    (*sums)[12] = fma(vec4f(bottom.z), left, (*sums)[12]);
    (*sums)[14] = fma(vec4f(bottom.w), left, (*sums)[14]);
    if (BLOCK_N == 8u) {
      let right = columnTile[term][block.column + LANES_N];
      (*sums)[9] = fma(vec4f(bottom.x), right, (*sums)[9]);
      (*sums)[11] = fma(vec4f(bottom.y), right, (*sums)[11]);
      (*sums)[13] = fma(vec4f(bottom.z), right, (*sums)[13]);
      (*sums)[15] = fma(vec4f(bottom.w), right, (*sums)[15]);
    }
  }
}

// Adds the outer products of a step: of its first `terms`, or, where they are written out, of all, which are zeros beyond.
fn multiplyTiles(terms: u32, block: Block, sums: ptr<function, Sums>) {
  if (UNROLL == 1u) {
    for (var term = 0u; term < rolled(terms); term++) { addTerm(term, block, sums); }
    return;
  }
  addTerm(0u, block, sums);
  addTerm(1u, block, sums);
  addTerm(2u, block, sums);
  addTerm(3u, block, sums);
  addTerm(4u, block, sums);
  addTerm(5u, block, sums);
  addTerm(6u, block, sums);
  addTerm(7u, block, sums);
  if (STEP == 16u) {
    addTerm(STEP - 8u, block, sums);
    addTerm(STEP - 7u, block, sums);
    addTerm(STEP - 6u, block, sums);
    addTerm(STEP - 5u, block, sums);
    addTerm(STEP - 4u, block, sums);
    addTerm(STEP - 3u, block, sums);
    addTerm(STEP - 2u, block, sums);
    addTerm(STEP - 1u, block, sums);
  }
}

// Hands the sums of a block to keepFour.
fn keepBlock(place: Place, block: Block, sums: ptr<function, Sums>) {
  if (UNROLL == 1u) {
    var kept = *sums; // a copy, which variables may index
    for (var i = 0u; i < rolled(BLOCK_M); i++) {
      for (var j = 0u; j < rolled(BLOCK_N / 4u); j++) {
        keepFour(place, (block.row + i / 4u * LANES_M) * 4u + i % 4u, block.column + j * LANES_N, kept[2u * i + j]);
      }
    }
    return;
  }
  let top = block.row * 4u;
  keepRow(place, top, block.column, (*sums)[0], (*sums)[1]);
  keepRow(place, top + 1u, block.column, (*sums)[2], (*sums)[3]);
  keepRow(place, top + 2u, block.column, (*sums)[4], (*sums)[5]);
  keepRow(place, top + 3u, block.column, (*sums)[6], (*sums)[7]);
  if (BLOCK_M == 8u) {
    let bottom = top + LANES_M * 4u;
    keepRow(place, bottom, block.column, (*sums)[8], (*sums)[9]);
    keepRow(place, bottom + 1u, block.column, (*sums)[10], (*sums)[11]);
    keepRow(place, bottom + 2u, block.column, (*sums)[12], (*sums)[13]);
    keepRow(place, bottom + 3u, block.column, (*sums)[14], (*sums)[15]);
  }
}

fn keepRow(place: Place, row: u32, quad: u32, left: vec4f, right: vec4f) {
  keepFour(place, row, quad, left);
  if (BLOCK_N == 8u) { keepFour(place, row, quad + LANES_N, right); }
}

// A bound of loops that software drivers should not unroll: they would compile for seconds.
fn rolled(count: u32) -> u32 { return count * min(P.slots, 1u); }

// Row and column of tiles that workgroup `index` of blocks × tiles owns: columns of eight tiles, so that workgroups that
// run together read few different rows and columns, and find them in the cache.
fn tileAt(index: u32, blocks: u32, tiles: u32) -> vec2u {
  let first = index / (8u * tiles) * 8u;
  let height = min(blocks - first, 8u);
  let rest = index - first * tiles;
  return vec2u(first + rest % height, rest / height);
}
