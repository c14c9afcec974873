// Matrix units in plain arithmetic, so that kernels written for them can be proved where there are none: what is left of
// matrix-native.wgsl without hardware. An operand is the place in its tile; of the sums, taken row by row, lane l holds
// values l, l + SG, l + 2 SG, …
const LEFT_ROW: u32 = select(1u, LEFT_PITCH, LEFT_ALONG_K == 1u);
const LEFT_TERM: u32 = select(LEFT_PITCH, 1u, LEFT_ALONG_K == 1u);
const RIGHT_COLUMN: u32 = select(1u, RIGHT_PITCH, RIGHT_ALONG_K == 1u);
const RIGHT_TERM: u32 = select(RIGHT_PITCH, 1u, RIGHT_ALONG_K == 1u);
alias Left = u32;
alias Right = u32;
alias Sums = array<f32, UNIT / SG>;

var<private> unitLane: u32;
var<private> unitZero: u32;
fn startUnits(lane: u32) {
  unitLane = lane;
  unitZero = lane / SG; // which no compiler knows
}
// A bound of loops that software drivers should not unroll: they would compile for seconds.
fn rolled(count: u32) -> u32 { return count + unitZero; }

fn loadLeft(row: u32, k: u32) -> Left { return row * LEFT_ROW + k * LEFT_TERM; }
fn loadRight(k: u32, column: u32) -> Right { return column * RIGHT_COLUMN + k * RIGHT_TERM; }

fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums {
  var more = sums;
  for (var i = 0u; i < rolled(UNIT / SG); i++) {
    let value = unitLane + i * SG;
    let row = left + value / UNIT_N * LEFT_ROW;
    let column = right + value % UNIT_N * RIGHT_COLUMN;
    var sum = more[i];
    for (var k = 0u; k < rolled(UNIT_K); k++) {
      sum += leftAt(row + k * LEFT_TERM) * rightAt(column + k * RIGHT_TERM);
    }
    more[i] = sum;
  }
  return more;
}

fn storeSums(at: u32, sums: Sums) {
  for (var i = 0u; i < rolled(UNIT / SG); i++) { scratch[at + unitLane + i * SG] = sums[i]; }
}
