// dgamma, dbeta and (A, B) of grad-fused.wgsl for segment s of group g: P.chunk of its P.outer · P.length values (V),
// counted through the group. One workgroup a segment; grad-apply.wgsl adds the segments. UNROLL values are loaded before
// the first is used.

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let output = groupIndex(group, groups);
  if (output >= P.groups * P.segments) { return; } // uniform across the workgroup
  let g = output / P.segments;
  let first = (output % P.segments) * P.chunk + t;
  let end = min(first - t + P.chunk, P.outer * P.length);
  let found = stats[g];
  let run = termsRun(first, end, placeIn(first), g, found);
  let sums = workgroupSum(t, vec2f(total(run.e), total(run.exhat)));
  if (t == 0u) { partial[output] = sums; }
}
