// Operands of matrix units in f32.
alias E = f32;
const E_BYTES: u32 = 4u;
