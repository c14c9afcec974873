// Sorts positions by what they index, keeping their order (a counting sort without atomics): the positions k with
// index[k] = r become order[starts[r]] … order[starts[r + 1] − 1], rising. Positions of indices past the rows are left out.
// A thread owns one r, 0 … P.rows, and reads all indices twice: once to count the smaller ones, once to list its own.
fn indicesAt(block: u32) -> vec4u {
  let k = 4u * block + vec4u(0u, 1u, 2u, 3u);
  return select(vec4u(0xffffffffu), index[block], k < vec4u(P.count));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let row = groupIndex(group, groups) * WG + thread;
  if (row > P.rows) { return; }
  let blocks = (P.count + 3u) / 4u;
  var smaller = vec4u();
  for (var block = 0u; block < blocks; block++) {
    smaller += select(vec4u(), vec4u(1u), indicesAt(block) < vec4u(row));
  }
  var at = smaller.x + smaller.y + smaller.z + smaller.w;
  starts[row] = at;
  if (row == P.rows) { return; }
  for (var block = 0u; block < blocks; block++) {
    let own = indicesAt(block) == vec4u(row);
    if (any(own)) {
      for (var k = 0u; k < 4u; k++) {
        if (own[k]) {
          order[at] = 4u * block + k;
          at++;
        }
      }
    }
  }
}
