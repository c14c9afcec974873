// Operands of matrix units in f32: a pack, 16 bytes, holds four. Tiles are stored, and operands loaded from them, one by one.
alias E = f32;
alias Pack = vec4f;
alias Cell = f32;
const E_BYTES: u32 = 4u;
const PACK: u32 = 4u;
const CELL: u32 = 1u; // operands
const CELL_SUMS: u32 = 1u;

fn packOf(low: vec4<E>, high: vec4<E>) -> Pack { return low; }
fn put(at: u32, pack: Pack) {
  tile[at] = pack.x;
  tile[at + 1u] = pack.y;
  tile[at + 2u] = pack.z;
  tile[at + 3u] = pack.w;
}
fn operandAt(at: u32) -> f32 { return tile[at]; }
fn fourOperands(at: u32) -> vec4f { return fourSums(at); }
fn fourSums(at: u32) -> vec4f { return vec4f(tile[at], tile[at + 1u], tile[at + 2u], tile[at + 3u]); }
fn putFourSums(at: u32, sums: vec4f) { put(at, sums); }
