// y[o, s, i] = scale · Σ_r x[o, r, i] over r = s, s + S, s + 2S … (S segments). One thread an output; neighbouring
// threads read neighbouring values, whatever the inner extent. The inner extent counts V.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let output = groupIndex(group, groups) * WG + thread;
  if (output >= P.outer * P.segments * P.inner) { return; }
  let slab = output / P.inner;
  let first = slab % P.segments;
  let base = (slab / P.segments) * P.length;
  var i = (base + first) * P.inner + output % P.inner;
  let end = (base + P.length) * P.inner;
  let step = P.segments * P.inner;
  var sum = V();
  for (; i < end; i += step) { sum += V(x[i]); }
  y[output] = VU(sum * P.scale);
}
