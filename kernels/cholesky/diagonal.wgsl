// Factors the 32 x 32 diagonal block of w that starts at P.first, in workgroup memory: one workgroup a matrix, a thread
// a row, column by column as in small.wgsl. A failing pivot is noted in info, and later steps leave the matrix alone.
const BLOCK = 32u;
const PITCH = 33u; // one more than the block: threads in a column then meet different banks
var<workgroup> m: array<f32, BLOCK * PITCH>;
var<workgroup> failed: u32;

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let item = groupIndex(group, groups);
  if (item >= P.batch) { return; } // uniform across the workgroup
  if (t == 0u) { failed = info[item]; }
  if (workgroupUniformLoad(&failed) > 0u) { return; }
  let corner = (item * P.stride + P.first) * P.stride + P.first;
  for (var i = 0u; i < BLOCK; i++) { m[i * PITCH + t] = w[corner + i * P.stride + t]; }
  workgroupBarrier();
  var fail = 0u;
  for (var j = 0u; j < BLOCK; j++) {
    if (t >= j) {
      var sum = m[t * PITCH + j];
      for (var c = 0u; c < j; c++) { sum = fma(-m[t * PITCH + c], m[j * PITCH + c], sum); }
      m[t * PITCH + j] = sum;
    }
    let pivot = workgroupUniformLoad(&m[j * PITCH + j]); // a barrier before and behind
    if (!positive(pivot)) {
      fail = P.first + j + 1u;
      break;
    }
    let root = sqrt(pivot);
    if (t >= j) { m[t * PITCH + j] = select(m[t * PITCH + j] / root, root, t == j); }
    workgroupBarrier();
  }
  workgroupBarrier();
  for (var i = 0u; i < BLOCK; i++) {
    if (t <= i) { w[corner + i * P.stride + t] = m[i * PITCH + t]; }
  }
  if (t == 0u && fail > 0u) { info[item] = fail; }
}
