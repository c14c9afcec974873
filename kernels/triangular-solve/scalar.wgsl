// A thread owns one column: rows do not start at multiples of four.
alias V = f32;
