/** The text forms of numbers and strings in pickle's oldest protocols, each on a line of its own. */
import { narrow } from './pickle-bytes.ts';
import { damaged } from './pickle-values.ts';

export function textInteger(line: string): number | bigint | boolean {
  if (line === '00' || line === '01') return line === '01'; // protocol 0's False and True
  if (!/^[+-]?\d{1,400}L?$/.test(line)) throw damaged('an integer is not made of digits');
  return narrow(BigInt(line.replace(/L$/, '').replace(/^\+/, '')));
}

export function textFloat(line: string): number {
  const special: Record<string, number> = { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY };
  if (line === 'nan') return Number.NaN;
  if (Object.hasOwn(special, line)) return special[line];
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(line)) throw damaged('a float is not made of digits');
  return Number(line);
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' };

/** Python 2's repr of a byte string. */
export function unquote(line: string): string {
  const quote = line[0];
  if (line.length < 2 || (quote !== "'" && quote !== '"') || line.at(-1) !== quote) {
    throw damaged('a string is not in quotes');
  }
  return line
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|.)/g, (whole, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? whole),
    );
}

export function unescapeUnicode(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long!, 16);
    if (code > 0x10ffff) throw damaged('a character beyond Unicode');
    return String.fromCodePoint(code);
  });
}
