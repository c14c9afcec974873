// Operands of matrix units in f16: a pack, 16 bytes, holds eight, and tiles are arrays of packs.
alias E = f16;
alias Pack = vec4u;
alias Cell = vec4u;
const E_BYTES: u32 = 2u;
const PACK: u32 = 8u;
const CELL: u32 = 8u; // operands
const CELL_SUMS: u32 = 4u;

fn packOf(low: vec4<E>, high: vec4<E>) -> Pack { return vec4u(bitcast<vec2u>(low), bitcast<vec2u>(high)); }
fn put(at: u32, pack: Pack) { tile[at / 8u] = pack; }
fn operandAt(at: u32) -> f32 { return unpack2x16float(tile[at / 8u][at / 2u % 4u])[at % 2u]; }
fn fourOperands(at: u32) -> vec4f {
  let pack = tile[at / 8u];
  let half = select(pack.xy, pack.zw, at % 8u == 4u);
  return vec4f(unpack2x16float(half.x), unpack2x16float(half.y));
}
fn fourSums(at: u32) -> vec4f { return bitcast<vec4f>(tile[at / 4u]); }
fn putFourSums(at: u32, sums: vec4f) { tile[at / 4u] = bitcast<vec4u>(sums); }
