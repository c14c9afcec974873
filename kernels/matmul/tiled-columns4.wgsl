// Four neighbouring columns of B at the term that lies at `start`: neighbours in memory, where there is a multiple of four. Those
// beyond the last are read as the last, and not stored. Else: tiled-columns1.wgsl.
fn bQuad(start: u32, j: u32) -> T4 { return b[(start + min(j, P.n - 4u)) / 4u]; }
