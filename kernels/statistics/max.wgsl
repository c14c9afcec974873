// The largest of x[o, r, i] over r = s, s + S, s + 2S … (S segments), and its place in the whole tensor; the lowest place
// at a tie. One thread an output. PAIRS 1: x holds candidates found before, whose places are in `places`.
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
  let base = (slab / P.segments) * P.length;
  let first = (base + slab % P.segments) * P.inner + output % P.inner;
  let end = (base + P.length) * P.inner;
  let step = P.segments * P.inner;
  var best = f32(x[first]);
  var at = first;
  if (PAIRS == 1u) { at = placesAt(first); }
  for (var i = first + step; i < end; i += step) {
    let v = f32(x[i]);
    var place = i;
    if (PAIRS == 1u) { place = placesAt(i); }
    if (v > best || (v == best && place < at)) {
      best = v;
      at = place;
    }
  }
  y[output] = U(best);
  found[output] = at;
}
