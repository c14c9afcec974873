// Σ over the threads of a workgroup, in an order fixed by WG, for every thread: two levels of √WG terms, which takes
// three barriers where a tree takes log₂ WG. Loops have constant lengths, so that a driver may load their terms together.
const SPAN: u32 = select(select(16u, 8u, WG == 64u), 32u, WG > 256u);
var<workgroup> terms: array<vec2f, WG>;
var<workgroup> spans: array<vec2f, SPAN>;

fn workgroupSum(t: u32, v: vec2f) -> vec2f {
  terms[t] = v;
  workgroupBarrier();
  if (t < SPAN) {
    var sum = terms[t];
    for (var k = 1u; k < WG / SPAN; k++) { sum += terms[k * SPAN + t]; }
    spans[t] = sum;
  }
  workgroupBarrier();
  if (t == 0u) {
    var sum = spans[0];
    for (var k = 1u; k < SPAN; k++) { sum += spans[k]; }
    spans[0] = sum;
  }
  workgroupBarrier();
  return spans[0];
}
