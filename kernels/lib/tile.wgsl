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
const BLOCK_QUADS: u32 = BLOCK_N / 4u;
alias Sums = array<vec4f, BLOCK_M * BLOCK_QUADS>; // of row r and quad q of the block at r * BLOCK_QUADS + q

var<workgroup> rowTile: array<U4, STEP * PITCH_M>;
var<workgroup> columnTile: array<T4, STEP * PITCH_N>;

// Adds `terms` outer products, rounded up to quads: those unroll, the loop over them need not.
fn multiplyTiles(thread: u32, terms: u32, sums: ptr<function, Sums>) {
  for (var first = 0u; first < terms; first += 4u) {
    for (var term = first; term < first + 4u; term++) {
      var columns: array<vec4f, BLOCK_QUADS>;
      for (var q = 0u; q < BLOCK_QUADS; q++) {
        columns[q] = vec4f(columnTile[term * PITCH_N + thread % LANES_N + q * LANES_N]);
      }
      for (var p = 0u; p < BLOCK_M; p += 4u) {
        let rows = vec4f(rowTile[term * PITCH_M + thread / LANES_N + p / 4u * LANES_M]);
        for (var q = 0u; q < BLOCK_QUADS; q++) {
          let at = p * BLOCK_QUADS + q;
          (*sums)[at] = fma(vec4f(rows.x), columns[q], (*sums)[at]);
          (*sums)[at + BLOCK_QUADS] = fma(vec4f(rows.y), columns[q], (*sums)[at + BLOCK_QUADS]);
          (*sums)[at + 2u * BLOCK_QUADS] = fma(vec4f(rows.z), columns[q], (*sums)[at + 2u * BLOCK_QUADS]);
          (*sums)[at + 3u * BLOCK_QUADS] = fma(vec4f(rows.w), columns[q], (*sums)[at + 3u * BLOCK_QUADS]);
        }
      }
    }
  }
}

// the row of the tile that row r of a thread's block is, and the column that its quad q starts at
fn rowOf(thread: u32, r: u32) -> u32 { return (thread / LANES_N + r / 4u * LANES_M) * 4u + r % 4u; }
fn columnOf(thread: u32, q: u32) -> u32 { return (thread % LANES_N + q * LANES_N) * 4u; }

// Row and column of tiles that workgroup `index` of blocks × tiles owns: columns of eight tiles, so that workgroups that
// run together read few different rows and columns, and find them in the cache.
fn tileAt(index: u32, blocks: u32, tiles: u32) -> vec2u {
  let first = index / (8u * tiles) * 8u;
  let height = min(blocks - first, 8u);
  let rest = index - first * tiles;
  return vec2u(first + rest % height, rest / height);
}
