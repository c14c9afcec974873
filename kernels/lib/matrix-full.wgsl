// Operands of matrix units in f32. Tiles are stored, and operands loaded from them, one by one.
alias E = f32;
alias Cell = f32;
const E_BYTES: u32 = 4u;
const CELL: u32 = 1u;

fn putLeft(at: u32, quad: vec4<E>) {
  for (var e = 0u; e < 4u; e++) { leftTile[at + e] = quad[e]; }
}
fn putRight(at: u32, quad: vec4<E>) {
  for (var e = 0u; e < 4u; e++) { rightTile[at + e] = quad[e]; }
}
fn leftAt(at: u32) -> f32 { return leftTile[at]; }
fn rightAt(at: u32) -> f32 { return rightTile[at]; }
