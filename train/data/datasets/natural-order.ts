/**
 * Compares texts so that runs of digits count as whole numbers: `a9` before `a10`. What is equal up to leading zeros, such
 * as `a1` and `a01`, is ordered by code units.
 */
export function naturalOrder(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/(\d+)/));
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    // every second part is digits
    const order = i % 2 === 1 ? compareDigits(left[i], right[i]) : byCodeUnits(left[i], right[i]);
    if (order !== 0) return order;
  }
  return left.length - right.length || byCodeUnits(a, b);
}

/** Digits of any length: without leading zeros the longer is the larger. */
function compareDigits(a: string, b: string): number {
  const [x, y] = [a, b].map((digits) => digits.replace(/^0+(?=\d)/, ''));
  return x.length - y.length || byCodeUnits(x, y);
}

export const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
