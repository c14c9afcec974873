// raw = Mᵀ u, where M [rows, outer · inner] lies in the weight as [outer, rows, inner] and inner counts V. One workgroup
// does STRIP neighbouring columns: its threads share the rows, and meet pairwise. part[strip] = Σ raw² of the strip, from
// which the next pass finds the norm of raw. With P.isRaw, u is itself to be divided by its norm. UNROLL rows are loaded
// before the first is used.
const TEAMS: u32 = WG / STRIP;
var<workgroup> sums: array<V, WG>;
var<workgroup> squares: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let strip = groupIndex(group, groups);
  let columns = P.outer * P.inner;
  if (strip * STRIP >= columns) { return; } // uniform across the workgroup
  let column = strip * STRIP + t % STRIP;
  var sum = V();
  var square = 0.0;
  if (column < columns) {
    let top = (column / P.inner) * P.rows * P.inner + column % P.inner;
    for (var o = t / STRIP; o < P.rows; o += UNROLL * TEAMS) {
      var w: array<V, UNROLL>;
      var f: array<f32, UNROLL>;
      for (var j = 0u; j < UNROLL; j++) {
        let row = o + j * TEAMS;
        if (j == 0u || row < P.rows) {
          f[j] = u[row];
          w[j] = weight[top + row * P.inner];
        }
      }
      for (var j = 0u; j < UNROLL; j++) {
        if (j > 0u && o + j * TEAMS >= P.rows) { continue; }
        sum += w[j] * f[j];
        square += f[j] * f[j];
      }
    }
  }
  sums[t] = sum;
  squares[t] = square;
  workgroupBarrier();
  for (var half = WG / 2u; half >= STRIP; half /= 2u) {
    if (t < half) {
      sums[t] += sums[t + half];
      squares[t] += squares[t + half];
    }
    workgroupBarrier();
  }
  // the first column of a strip is always there, so squares[0] is Σ u²
  let scale = select(1.0, 1.0 / max(sqrt(squares[0]), TINY), P.isRaw != 0u);
  workgroupBarrier();
  if (t < STRIP) {
    let found = sums[t] * scale;
    if (column < columns) { raw[column] = found; }
    squares[t] = total(found * found);
  }
  workgroupBarrier();
  if (t != 0u) { return; }
  var length = 0.0;
  for (var k = 0u; k < STRIP; k++) { length += squares[k]; }
  part[strip] = length;
}
