/**
 * Householder's reflection that maps a vector onto its first axis.
 *
 * @param x      the part from `first` below `last` becomes the unit vector v with (I − 2 v vᵀ) x = alpha e₁, or zero
 *               where x is zero
 * @returns      alpha, of the length of x and the sign that loses no digits
 */
export function reflector(x: Float64Array, first: number, last: number): number {
  let scale = 0;
  for (let i = first; i < last; i++) scale = Math.max(scale, Math.abs(x[i]));
  if (scale === 0) return 0;
  let squares = 0;
  for (let i = first; i < last; i++) {
    x[i] /= scale;
    squares += x[i] * x[i];
  }
  const head = x[first];
  const alpha = head > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  x[first] = head - alpha;
  const length = Math.sqrt(2 * (squares + Math.abs(alpha) * Math.abs(head)));
  for (let i = first; i < last; i++) x[i] /= length;
  return alpha * scale;
}
