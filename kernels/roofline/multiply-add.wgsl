// Eight independent chains of a = a · P.factor + P.term in registers, in the storage type: 256 operations a step and
// thread, in four turns, so that counting steps costs little beside them. The chains converge to term / (1 - factor), so
// nothing overflows; their sum is stored, so nothing vanishes.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let i = groupIndex(group, groups) * WG + thread;
  let factor = T4(vec4f(P.factor));
  let term = T4(vec4f(P.term));
  var a = T4(vec4f(f32(thread) / f32(WG)));
  var b = a + term;
  var c = b + term;
  var d = c + term;
  var e = d + term;
  var f = e + term;
  var g = f + term;
  var h = g + term;
  for (var step = 0u; step < P.steps; step++) {
    a = fma(a, factor, term);
    b = fma(b, factor, term);
    c = fma(c, factor, term);
    d = fma(d, factor, term);
    e = fma(e, factor, term);
    f = fma(f, factor, term);
    g = fma(g, factor, term);
    h = fma(h, factor, term);
    a = fma(a, factor, term);
    b = fma(b, factor, term);
    c = fma(c, factor, term);
    d = fma(d, factor, term);
    e = fma(e, factor, term);
    f = fma(f, factor, term);
    g = fma(g, factor, term);
    h = fma(h, factor, term);
    a = fma(a, factor, term);
    b = fma(b, factor, term);
    c = fma(c, factor, term);
    d = fma(d, factor, term);
    e = fma(e, factor, term);
    f = fma(f, factor, term);
    g = fma(g, factor, term);
    h = fma(h, factor, term);
    a = fma(a, factor, term);
    b = fma(b, factor, term);
    c = fma(c, factor, term);
    d = fma(d, factor, term);
    e = fma(e, factor, term);
    f = fma(f, factor, term);
    g = fma(g, factor, term);
    h = fma(h, factor, term);
  }
  if (i < P.threads) { y[i] = a + b + c + d + e + f + g + h; }
}
