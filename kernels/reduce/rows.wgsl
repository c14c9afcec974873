// y[o, s] = scale · Σ_r x[o, r] over segment s of row o. One workgroup a segment of P.chunk values: each thread sums
// every WG-th one, by runs that keep rounding errors near those of a pairwise sum, then the threads' sums meet in a fixed
// order. Lengths count V.
const RUN = 16u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.outer * P.segments) { return; } // uniform across the workgroup
  let row = (output / P.segments) * P.length;
  let start = (output % P.segments) * P.chunk;
  let end = row + min(start + P.chunk, P.length);
  var sum = V();
  var i = row + start + t;
  while (i < end) {
    let stop = min(i + RUN * WG, end);
    var part = V();
    for (; i < stop; i += WG) { part += V(x[i]); }
    sum += part;
  }
  let sums = workgroupSum(t, vec2f(total(sum), 0.0));
  if (t == 0u) { y[output] = U(sums.x * P.scale); }
}
