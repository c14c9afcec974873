// y[b, i, j] = activation(Σ_k A[b, i, k] · B[b, k, j] + bias), for GPUs. Strides say how A and B lie.
//
// A workgroup of 256 threads owns 64 x 64 results. Each step brings 16 k of 64 rows and of 64 columns into workgroup
// memory, in the order that makes neighbouring threads read neighbouring values; then a thread multiplies its 4 x 4 block.
// Rows of a tile are one vector longer than they hold, to spread the writes over the banks.
const STEP: u32 = 16u;
const PITCH: u32 = 17u; // vectors of four in 64, and one

var<workgroup> aTile: array<vec4f, STEP * PITCH>;
var<workgroup> bTile: array<vec4f, STEP * PITCH>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.m + 63u) / 64u;
  let tiles = (P.n + 63u) / 64u;
  var rest = groupIndex(group, groups);
  let i0 = rest % blocks * 64u;
  rest /= blocks;
  let j0 = rest % tiles * 64u;
  let item = rest / tiles;
  if (item >= P.batch) { return; } // uniform across the workgroup

  // what this thread loads at each step: one k, for four rows of A and four columns of B
  let along = thread % 16u;
  let across = thread / 16u;
  let aK = select(across, along, P.aColumn == 1u);
  let aQuad = select(along, across, P.aColumn == 1u);
  let bK = select(along, across, P.bColumn == 1u);
  let bQuad = select(across, along, P.bColumn == 1u);

  var sums: array<vec4f, 4>;
  for (var k0 = 0u; k0 < P.k; k0 += STEP) {
    var rows = vec4f();
    var columns = vec4f();
    for (var e = 0u; e < 4u; e++) {
      let i = i0 + aQuad * 4u + e;
      if (i < P.m && k0 + aK < P.k) { rows[e] = f32(a[item * P.aBatch + i * P.aRow + (k0 + aK) * P.aColumn]); }
      let j = j0 + bQuad * 4u + e;
      if (j < P.n && k0 + bK < P.k) { columns[e] = f32(b[item * P.bBatch + (k0 + bK) * P.bRow + j * P.bColumn]); }
    }
    aTile[aK * PITCH + aQuad] = rows;
    bTile[bK * PITCH + bQuad] = columns;
    workgroupBarrier();
    for (var step = 0u; step < STEP; step++) {
      let left = aTile[step * PITCH + thread / 16u];
      let right = bTile[step * PITCH + thread % 16u];
      for (var i = 0u; i < 4u; i++) { sums[i] = fma(vec4f(left[i]), right, sums[i]); }
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < 4u; r++) {
    let i = i0 + thread / 16u * 4u + r;
    for (var e = 0u; e < 4u; e++) {
      let j = j0 + thread % 16u * 4u + e;
      if (i < P.m && j < P.n) { y[(item * P.m + i) * P.n + j] = T(finish(sums[r][e], i, j)); }
    }
  }
}
