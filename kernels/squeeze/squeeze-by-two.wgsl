// squeeze.wgsl for f = 2 and w a multiple of 4. A thread owns eight neighbouring fine elements of one row: two vectors
// there, and one vector in each of the two coarse planes (s = 0 and 1) that the row's even and odd columns go to. SINGLE, from
// coarse to fine: it owns one of the two fine vectors, for GPUs write at once what neighbouring threads write side by side.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  if (i >= P.count) { return; }
  let run = P.width / 8u; // vectors in a coarse row
  let pair = select(i, i / 2u, SINGLE == 1u);
  let row = pair / run;
  let plane = row / P.height;
  let y = row - plane * P.height;
  let batch = plane / P.channels;
  let channel = plane - batch * P.channels;
  let even = batch * P.channels * 4u + (y % 2u) * 2u * P.offsetStep + channel * P.channelStep;
  let half = P.height / 2u;
  let p = (even * half + y / 2u) * run + (pair - row * run);
  let q = p + P.offsetStep * half * run;
  if (TO_COARSE == 1u) {
    let u = a[2u * i];
    let v = a[2u * i + 1u];
    b[p] = T4(u.xz, v.xz);
    b[q] = T4(u.yw, v.yw);
  } else {
    let u = a[p];
    let v = a[q];
    if (SINGLE == 1u) {
      b[i] = select(T4(u.x, v.x, u.y, v.y), T4(u.z, v.z, u.w, v.w), i % 2u == 1u);
      return;
    }
    b[2u * i] = T4(u.x, v.x, u.y, v.y);
    b[2u * i + 1u] = T4(u.z, v.z, u.w, v.w);
  }
}
