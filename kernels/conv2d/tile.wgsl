// A workgroup's tile of a matrix product: TILE_M rows by TILE_N columns, on THREADS threads.
//
// Each step brings STEP terms of the tile's rows and columns into workgroup memory, as vectors of four neighbouring rows
// (rowTile[term, quad]) or columns (columnTile[term, quad]), in their storage types. Then every thread adds STEP outer
// products to its block of BLOCK_M × BLOCK_N sums in registers: BLOCK_M + BLOCK_N values read for BLOCK_M · BLOCK_N
// multiply-adds. The quads of a block lie LANES apart, so that neighbours read neighbouring vectors; a term's vectors are
// one more than it holds, to spread what is written over the banks.
const BLOCK_M: u32 = select(4u, 8u, TILE_M == 128u);
const BLOCK_N: u32 = select(4u, 8u, TILE_N == 128u);
const STEP: u32 = select(16u, 8u, TILE_M * TILE_N == 16384u); // two tiles and their pads stay within 16 KiB
const LANES_M: u32 = TILE_M / BLOCK_M;
const LANES_N: u32 = TILE_N / BLOCK_N;
const THREADS: u32 = LANES_M * LANES_N;
const QUADS_M: u32 = TILE_M / 4u;
const QUADS_N: u32 = TILE_N / 4u;
const PITCH_M: u32 = QUADS_M + 1u;
const PITCH_N: u32 = QUADS_N + 1u;

// A block is up to four of 4 × 4, each with a row in a column of a matrix: no loop and no variable index, which some
// compilers would keep in memory. Of narrow blocks the others stay untouched.
struct Sums { topLeft: mat4x4f, topRight: mat4x4f, bottomLeft: mat4x4f, bottomRight: mat4x4f }

var<workgroup> rowTile: array<U4, STEP * PITCH_M>;
var<workgroup> columnTile: array<T4, STEP * PITCH_N>;

fn addOuter(sums: mat4x4f, rows: vec4f, columns: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(rows.x), columns, sums[0]),
    fma(vec4f(rows.y), columns, sums[1]),
    fma(vec4f(rows.z), columns, sums[2]),
    fma(vec4f(rows.w), columns, sums[3]),
  );
}

fn addTerm(thread: u32, term: u32, sums: ptr<function, Sums>) {
  let row = term * PITCH_M + thread / LANES_N;
  let column = term * PITCH_N + thread % LANES_N;
  let top = vec4f(rowTile[row]);
  let left = vec4f(columnTile[column]);
  (*sums).topLeft = addOuter((*sums).topLeft, top, left);
  if (BLOCK_N == 8u) { (*sums).topRight = addOuter((*sums).topRight, top, vec4f(columnTile[column + LANES_N])); }
  if (BLOCK_M == 8u) {
    let bottom = vec4f(rowTile[row + LANES_M]);
    (*sums).bottomLeft = addOuter((*sums).bottomLeft, bottom, left);
    if (BLOCK_N == 8u) {
      (*sums).bottomRight = addOuter((*sums).bottomRight, bottom, vec4f(columnTile[column + LANES_N]));
    }
  }
}

// Adds the first `terms` outer products of the tiles, rounded up to a multiple of four where terms are written out.
fn multiplyTiles(thread: u32, terms: u32, sums: ptr<function, Sums>) {
  for (var term = 0u; term < terms; term += select(1u, 4u, UNROLL == 16u)) {
    addTerm(thread, term, sums);
    if (UNROLL == 16u) {
      addTerm(thread, term + 1u, sums);
      addTerm(thread, term + 2u, sums);
      addTerm(thread, term + 3u, sums);
    }
  }
}

// The parts of a block in turn, `PARTS_N` beside each other, and where they lie: a copy, which a variable may index.
const PARTS_M: u32 = BLOCK_M / 4u;
const PARTS_N: u32 = BLOCK_N / 4u;
alias Parts = array<mat4x4f, 4>;
fn partsOf(sums: Sums) -> Parts {
  if (PARTS_N == 1u) { return Parts(sums.topLeft, sums.bottomLeft, mat4x4f(), mat4x4f()); }
  return Parts(sums.topLeft, sums.topRight, sums.bottomLeft, sums.bottomRight);
}
fn rowOfPart(thread: u32, part: u32) -> u32 { return (thread / LANES_N + part / PARTS_N * LANES_M) * 4u; }
fn columnOfPart(thread: u32, part: u32) -> u32 { return (thread % LANES_N + part % PARTS_N * LANES_N) * 4u; }

// Row and column of tiles that workgroup `index` of blocks × tiles owns: columns of eight tiles, so that workgroups that
// run together read few different rows and columns, and find them in the cache.
fn tileAt(index: u32, blocks: u32, tiles: u32) -> vec2u {
  let first = index / (8u * tiles) * 8u;
  let height = min(blocks - first, 8u);
  let rest = index - first * tiles;
  return vec2u(first + rest % height, rest / height);
}
