/** What `miaobi eval fid` prints and writes of its comparisons. */
import type { FeatureExtractor } from '../train/eval/feature-distance.ts';
import type { FeatureStatistics, Features } from '../train/eval/feature-statistics.ts';
import type { FrechetDistance } from '../train/eval/frechet.ts';
import type { SubsetDistance } from '../train/eval/kernel-distance.ts';

/** One side of a comparison: what it is called, and its features or what a file kept of them. */
export interface Side {
  readonly path: string;
  readonly step?: number;
  readonly statistics: FeatureStatistics;
  readonly features?: Features;
}

export interface Row extends FrechetDistance {
  readonly a: Side;
  readonly b: Side;
  readonly kid?: SubsetDistance;
}

/** What was measured, as far as a report tells. */
export type Kind = Pick<FeatureExtractor, 'measure' | 'description' | 'dims'>;

/** What the kernel distance may be called. */
const kernelName = ({ measure }: Kind) => (measure === 'FID' ? 'KID' : `kernel distance (${measure})`);

function entryOf({ a, b, distance, meanTerm, traces, rootTrace, kid }: Row) {
  const side = ({ path, step, statistics }: Side) => ({ path, step, pictures: statistics.count });
  return { a: side(a), b: side(b), distance, meanTerm, traces, rootTrace, kernel: kid };
}

/** As `--json` prints it. */
export const reportOf = (rows: readonly Row[], { measure, description, dims }: Kind) => ({
  measure,
  features: description,
  dims,
  results: rows.map(entryOf),
});

export async function tableOf(rows: readonly Row[], kind: Kind): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const withKernel = rows.some(({ kid }) => kid);
  const head = ['a', 'b', 'pictures', kind.measure, 'of it means', ...(withKernel ? [kernelName(kind)] : [])];
  const table = new Table({ head, style: { head: [], border: [] } });
  const named = ({ path, step }: Side) => (step === undefined ? path : `${path} step ${step}`);
  const counted = ({ statistics }: Side) => statistics.count ?? '?';
  for (const { a, b, distance, meanTerm, kid } of rows) {
    table.push([
      named(a),
      named(b),
      `${counted(a)}, ${counted(b)}`,
      fixed(distance),
      fixed(meanTerm),
      ...(kid ? [`${kid.mean.toPrecision(4)}${kid.subsets > 1 ? ` ± ${kid.std.toPrecision(2)}` : ''}`] : []),
    ]);
  }
  return `${table.toString()}\n`;
}

/** Six digits, and no minus sign before a zero that is rounding. */
const fixed = (x: number) => (Math.abs(x) < 5e-7 ? '0' : Number(x.toPrecision(6)).toString());
