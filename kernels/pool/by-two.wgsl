// What pooling by windows of 2 × 2, two apart, shares: a thread owns four neighbouring outputs, and with them two vectors
// of four in each of two rows of the plane. P.run counts the vectors of a row of outputs, P.rows the rows of all planes.
struct Block {
  at: u32,    // vector of the plane's upper row; the next one belongs to the block, too
  below: u32, // the same in the lower row
  first: u32, // where in its plane the block's first element lies
}

fn blockOf(i: u32) -> Block {
  let row = i / P.run;
  let at = 4u * row * P.run + 2u * (i - row * P.run);
  let plane = row / P.oHeight;
  return Block(at, at + 2u * P.run, 4u * at - plane * 16u * P.run * P.oHeight);
}
