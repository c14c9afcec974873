// by what a window's sum is divided: the last windows of ceil mode may reach past the padding, which never counts
fn divisorOf(row: u32, column: u32) -> u32 {
  if (P.countPadding == 1u) {
    let top = row * P.strideH;
    let left = column * P.strideW;
    return (min(top + P.kernelH, P.height + 2u * P.padH) - top) * (min(left + P.kernelW, P.width + 2u * P.padW) - left);
  }
  let rows = windowOf(row, P.kernelH, P.strideH, P.padH, P.height);
  let columns = windowOf(column, P.kernelW, P.strideW, P.padW, P.width);
  return (rows.y - rows.x) * (columns.y - columns.x);
}
