// A sum over all terms is finished.
fn store(slot: u32, channel: u32, index: u32, sum: f32) { y[index] = T(finish(sum, biasAt(channel), index)); }
