// Solves E X = B by substitution, with E lower triangular in the order in which rows are visited: row v of E is row
// v of L or of Lᵀ, from the top or from the bottom, whichever is lower triangular. P.origin, P.down and P.right are the
// place of E_00 in a matrix and the steps to the next row and column of E; P.start and P.step the same for rows of B.
//
// A thread owns V columns and needs nothing from others. It takes eight rows at a time: first what the rows before
// contribute, each X_k loaded once for the eight, then the triangle of the eight among themselves.
const ROWS = 8u;

fn place(item: u32, v: u32, c: u32) -> u32 {
  return item * P.n * P.n + u32(i32(P.origin) + i32(v) * P.down + i32(c) * P.right);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let groupsPerItem = (P.columns + WG - 1u) / WG;
  let index = groupIndex(group, groups);
  let item = index / groupsPerItem;
  let column = (index % groupsPerItem) * WG + t;
  if (item >= P.batch || column >= P.columns) { return; }
  let base = item * P.n * P.columns + column;
  for (var v0 = 0u; v0 < P.n; v0 += ROWS) {
    var sum: array<V, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      let v = min(v0 + r, P.n - 1u);
      sum[r] = b[base + u32(i32(P.start) + i32(v) * P.step) * P.columns];
    }
    for (var c = 0u; c < v0; c++) {
      let solved = x[base + u32(i32(P.start) + i32(c) * P.step) * P.columns];
      var at = place(item, v0, c);
      for (var r = 0u; r < ROWS; r++) {
        sum[r] -= l[at] * solved;
        if (v0 + r + 1u < P.n) { at = u32(i32(at) + P.down); }
      }
    }
    for (var r = 0u; r < ROWS; r++) {
      let v = v0 + r;
      if (v < P.n) {
        for (var c = 0u; c < r; c++) { sum[r] -= l[place(item, v, v0 + c)] * sum[c]; }
        if (P.unit == 0u) { sum[r] = sum[r] / l[place(item, v, v)]; }
        x[base + u32(i32(P.start) + i32(v) * P.step) * P.columns] = sum[r];
      }
    }
  }
}
