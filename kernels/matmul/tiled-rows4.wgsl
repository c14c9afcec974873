// Four neighbouring rows of A at the term that lies at `start`: neighbours in memory, where there is a multiple of four. Those
// beyond the last are read as the last, and not stored. Else: tiled-rows1.wgsl.
fn aQuad(start: u32, i: u32) -> T4 { return a[(start + min(i, P.m - 4u)) / 4u]; }
