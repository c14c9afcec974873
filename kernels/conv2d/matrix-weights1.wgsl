// Four neighbouring columns of a line of weights, those inside it, stored one at a time. As a vector: matrix-weights4.wgsl.
fn storeFour(line: u32, column: u32, sums: vec4f) {
  let columns = P.c * P.kH * P.kW;
  let at = line * columns + column;
  if (column < columns) { partial[at] = sums.x; }
  if (column + 1u < columns) { partial[at + 1u] = sums.y; }
  if (column + 2u < columns) { partial[at + 2u] = sums.z; }
  if (column + 3u < columns) { partial[at + 3u] = sums.w; }
}
