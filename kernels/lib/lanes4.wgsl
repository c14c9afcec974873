// A kernel written over V takes its values four at a time with this file, one at a time with lanes1.wgsl.
alias V = vec4f;
alias VT = T4;
alias VU = U4;
const LANES: u32 = 4u;
fn total(v: V) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn lane(v: V, i: u32) -> f32 { return v[i]; }
fn highest(v: V) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
