// What is stored for a finished sum at row i, column j. The bias belongs to rows or to columns.
fn finish(sum: f32, i: u32, j: u32) -> f32 {
  return activate(sum + biasAt(select(j, i, P.biasByRow != 0u)), P.curve, P.slope);
}
