// Four neighbouring columns of a line of weights, stored as a vector: lines hold a multiple of four. Else: matrix-weights1.wgsl.
fn storeFour(line: u32, column: u32, sums: vec4f) {
  let columns = P.c * P.kH * P.kW;
  if (column < columns) { partial[(line * columns + column) / 4u] = sums; }
}
