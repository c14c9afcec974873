// Norms are held above this, so that a matrix of zeros gives vectors of zeros.
const TINY: f32 = 1e-12;
