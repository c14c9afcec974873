// The statistics of group g, which are known.
fn statisticsFor(g: u32, segment: u32, t: u32) -> vec4f { return stats[g]; }
