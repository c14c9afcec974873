// The largest value of a workgroup that is one subgroup, for every thread.
fn workgroupMax(t: u32, v: f32) -> f32 { return subgroupMax(v); }
