// Eight independent chains of a = a · P.factor + P.term in registers, in the storage type: 1024 operations a step and
// thread, sixteen turns of each chain, so that counting steps costs little beside them. The chains converge to
// term / (1 - factor), so nothing overflows; their sum is stored, so nothing vanishes.
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
    a = sixteen(a, factor, term);
    b = sixteen(b, factor, term);
    c = sixteen(c, factor, term);
    d = sixteen(d, factor, term);
    e = sixteen(e, factor, term);
    f = sixteen(f, factor, term);
    g = sixteen(g, factor, term);
    h = sixteen(h, factor, term);
  }
  if (i < P.threads) { y[i] = a + b + c + d + e + f + g + h; }
}

fn sixteen(v: T4, factor: T4, term: T4) -> T4 { return four(four(four(four(v, factor, term), factor, term), factor, term), factor, term); }

fn four(v: T4, factor: T4, term: T4) -> T4 { return fma(fma(fma(fma(v, factor, term), factor, term), factor, term), factor, term); }
