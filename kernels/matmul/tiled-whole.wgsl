// A sum over all of k is finished.
fn store(slot: u32, item: u32, i: u32, j: u32, sum: f32) { y[(item * P.m + i) * P.n + j] = T(finish(sum, i, j)); }
