// Value r (V) of slab o of group g in x, seen as [outer, groups, length]. A slab is one channel of one picture.
fn placeOf(o: u32, g: u32, r: u32) -> u32 { return (o * P.groups + g) * P.length + r; }

// From the place in x to that of its gamma in gammaBeta [N, 2 · channels, length]. The picture is o where groups are
// channels (batch), and g / channels where groups are channels of pictures and outer is 1 (instance).
fn gammaOf(place: u32, o: u32, g: u32) -> u32 { return place + (o + g / P.channels) * P.channels * P.length; }

// How far beta lies behind gamma.
fn betaStep() -> u32 { return P.channels * P.length; }
