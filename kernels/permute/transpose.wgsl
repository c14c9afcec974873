// y[b, j, i] = x[b, i, j] for matrices of [P.rows, P.columns]. A workgroup of 32 × 8 threads moves a tile of 32 × 32
// through workgroup memory, so that rows of x and rows of y are both read and written in order; the tile's rows are one
// element longer than they need, which keeps columns out of one bank.
const TILE = 32u;
const STEP = WG / TILE;
var<workgroup> tile: array<array<T, TILE + 1u>, TILE>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let across = (P.columns + TILE - 1u) / TILE;
  let down = (P.rows + TILE - 1u) / TILE;
  let index = groupIndex(group, groups);
  let batch = index / (across * down);
  if (batch >= P.batches) { return; } // uniform across the workgroup
  let row = (index / across) % down * TILE;
  let column = index % across * TILE;
  let base = batch * P.rows * P.columns;
  let lane = thread % TILE;
  let line = thread / TILE;
  for (var k = line; k < TILE; k += STEP) {
    if (row + k < P.rows && column + lane < P.columns) {
      tile[k][lane] = x[base + (row + k) * P.columns + column + lane];
    }
  }
  workgroupBarrier();
  for (var k = line; k < TILE; k += STEP) {
    if (column + k < P.columns && row + lane < P.rows) {
      y[base + (column + k) * P.rows + row + lane] = tile[lane][k];
    }
  }
}
