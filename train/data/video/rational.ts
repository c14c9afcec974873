/** Frame rates as fractions: 30000/1001 is not 29.97. */

export interface Rational {
  readonly num: number;
  readonly den: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** In lowest terms; whole positive numbers up to 2^31. */
export function rational(num: number, den = 1): Rational {
  const divisor = gcd(num, den);
  return { num: num / divisor, den: den / divisor };
}

export const rateOf = ({ num, den }: Rational): number => num / den;

/**
 * Reads `30000/1001`, `25` or `23.976`. Decimals near the rates of television, n·1000/1001, become these.
 *
 * @returns undefined for what is no positive rate, as the `0/0` of a still picture
 */
export function parseRate(text: string): Rational | undefined {
  const fraction = /^(\d{1,10})[/:](\d{1,10})$/.exec(text);
  if (fraction) {
    const [num, den] = [Number(fraction[1]), Number(fraction[2])];
    return num > 0 && den > 0 ? rational(num, den) : undefined;
  }
  if (!/^\d{1,6}(\.\d{1,6})?$/.test(text) || Number(text) <= 0) return undefined;
  return nearestRate(Number(text));
}

/** The fraction that a measured rate most likely is: whole, or of television, or thousandths. */
export function nearestRate(value: number): Rational {
  const whole = Math.round(value);
  if (Math.abs(value - whole) < 1e-4 * value && whole > 0) return rational(whole);
  const television = Math.round((value * 1001) / 1000);
  if (Math.abs(value - (television * 1000) / 1001) < 1e-4 * value && television > 0) {
    return rational(television * 1000, 1001);
  }
  return rational(Math.max(1, Math.round(value * 1000)), 1000);
}

/** `29.97`, `25`: a rate for people. */
export function describeRate(rate: Rational): string {
  return String(Number(rateOf(rate).toFixed(3)));
}
