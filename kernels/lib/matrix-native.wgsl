// Matrix units of the device. The same names over plain arithmetic are in matrix-emulated.wgsl.
alias Left = subgroup_matrix_left<E, UNIT_K, UNIT_M>;
alias Right = subgroup_matrix_right<E, UNIT_N, UNIT_K>;
alias Sums = subgroup_matrix_result<f32, UNIT_N, UNIT_M>;

fn startUnits(lane: u32) {}
fn rolled(count: u32) -> u32 { return count; }

fn loadLeft(row: u32, k: u32) -> Left {
  if (LEFT_ALONG_K == 1u) {
    return subgroupMatrixLoad<Left, row_major>(&leftTile, (row * LEFT_PITCH + k) / CELL, LEFT_PITCH / CELL);
  }
  return subgroupMatrixLoad<Left, col_major>(&leftTile, (k * LEFT_PITCH + row) / CELL, LEFT_PITCH / CELL);
}

fn loadRight(k: u32, column: u32) -> Right {
  if (RIGHT_ALONG_K == 1u) {
    return subgroupMatrixLoad<Right, col_major>(&rightTile, (column * RIGHT_PITCH + k) / CELL, RIGHT_PITCH / CELL);
  }
  return subgroupMatrixLoad<Right, row_major>(&rightTile, (k * RIGHT_PITCH + column) / CELL, RIGHT_PITCH / CELL);
}

fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn storeSums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&scratch, at, sums, UNIT_N); }
