// For each item of a batch: how many pixels carry P.label, and the values of all channels at the first of them.
// One workgroup an item. Sums of x - origin are small when x varies little, and exactly zero where x is constant.
var<workgroup> firsts: array<u32, WG>;
var<workgroup> counts: array<u32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let t = local.x;
  let item = groupIndex(group, groups);
  if (item >= P.items) { return; } // uniform across the workgroup
  var at = 0u;
  if (MASKED == 1u) {
    var first = P.pixels;
    var found = 0u;
    for (var p = t; p < P.pixels; p += WG) {
      if (labelsAt(item * P.pixels + p) == P.label) {
        first = min(first, p);
        found++;
      }
    }
    firsts[t] = first;
    counts[t] = found;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
      if (t < half) {
        firsts[t] = min(firsts[t], firsts[t + half]);
        counts[t] += counts[t + half];
      }
      workgroupBarrier();
    }
    at = firsts[0];
    if (t == 0u) { count[item] = counts[0]; }
  } else if (t == 0u) {
    count[item] = P.pixels;
  }
  for (var c = t; c < P.channels; c += WG) {
    let row = item * P.channels + c;
    var value = 0.0;
    if (at < P.pixels) { value = f32(x[row * P.pixels + at]); }
    origin[row] = value;
  }
}
