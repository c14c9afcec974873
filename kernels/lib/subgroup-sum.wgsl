// Σ over the threads of a workgroup that is one subgroup, for every thread.
fn workgroupSum(t: u32, v: vec2f) -> vec2f { return subgroupAdd(v); }
