// A sum over a slot of terms is kept as it is, for conv2d.sumParts to add.
fn store(slot: u32, channel: u32, index: u32, sum: f32) { partial[slot * P.results + index] = sum; }
