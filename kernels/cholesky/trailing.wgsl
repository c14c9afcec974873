// W_ij -= Σ_k X_ik X_jk over the 32 columns k of the panel X at P.first, for i, j behind it, j <= i.
// One workgroup a tile of 32 x 32, of which each of 64 threads owns 4 x 4; tiles above the diagonal are left out:
// tile row I has I + 1 tiles, and I (I + 1) / 2 come before it. w is read in vectors of four along k.
const BLOCK = 32u;
const TILE = 32u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let index = groupIndex(group, groups);
  if (index >= P.batch * P.tiles) { return; }
  let item = index / P.tiles;
  if (info[item] > 0u) { return; }
  let tile = index % P.tiles;
  var tileRow = 0u;
  while ((tileRow + 1u) * (tileRow + 2u) / 2u <= tile) { tileRow++; }
  let start = P.first + BLOCK;
  let i0 = start + tileRow * TILE + t / 8u * 4u;
  let j0 = start + (tile - tileRow * (tileRow + 1u) / 2u) * TILE + t % 8u * 4u;
  let pitch = P.stride / 4u;
  let matrix = item * P.stride * pitch;
  let rowI = matrix + i0 * pitch + P.first / 4u;
  let rowJ = matrix + j0 * pitch + P.first / 4u;
  var sum: array<f32, 16>;
  for (var k = 0u; k < BLOCK / 4u; k++) {
    var b: array<vec4f, 4>;
    for (var j = 0u; j < 4u; j++) { b[j] = w[rowJ + j * pitch + k]; }
    for (var i = 0u; i < 4u; i++) {
      let x = w[rowI + i * pitch + k];
      for (var j = 0u; j < 4u; j++) { sum[4u * i + j] += dot(x, b[j]); }
    }
  }
  for (var i = 0u; i < 4u; i++) {
    let at = matrix + (i0 + i) * pitch + j0 / 4u;
    w[at] -= vec4f(sum[4u * i], sum[4u * i + 1u], sum[4u * i + 2u], sum[4u * i + 3u]);
  }
}
