// Operands of matrix units in f16. Tiles are stored, and operands loaded from them, by fours.
alias E = f16;
alias Cell = vec4<f16>;
const E_BYTES: u32 = 2u;
const CELL: u32 = 4u;

fn putLeft(at: u32, quad: vec4<E>) { leftTile[at / 4u] = quad; }
fn putRight(at: u32, quad: vec4<E>) { rightTile[at / 4u] = quad; }
fn leftAt(at: u32) -> f32 { return f32(leftTile[at / 4u][at % 4u]); }
fn rightAt(at: u32) -> f32 { return f32(rightTile[at / 4u][at % 4u]); }
