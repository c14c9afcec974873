// A kernel written over V takes its values one at a time with this file, four at a time with lanes4.wgsl.
alias V = f32;
alias VT = T;
alias VU = U;
const LANES: u32 = 1u;
fn total(v: V) -> f32 { return v; }
fn lane(v: V, i: u32) -> f32 { return v; }
fn highest(v: V) -> f32 { return v; }
