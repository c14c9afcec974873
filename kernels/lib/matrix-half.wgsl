// Operands of matrix units in f16.
alias E = f16;
const E_BYTES: u32 = 2u;
