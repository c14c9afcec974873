/** The curves of a run, smoothed and thinned for a picture. */
import type { Measured } from './evaluations.ts';
import type { MetricsLine } from './metrics.ts';

export interface Curve {
  readonly name: string;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** Losses first, then evaluations as `eval/name`, learning rate and speed; skipped steps have no losses. */
export function curvesOf(lines: readonly MetricsLine[], evaluations: readonly Measured[] = []): Curve[] {
  const curves = new Map<string, { name: string; steps: number[]; values: number[] }>();
  const put = (name: string, step: number, value: number) => {
    if (!Number.isFinite(value)) return;
    const curve = curves.get(name) ?? { name, steps: [], values: [] };
    curve.steps.push(step);
    curve.values.push(value);
    curves.set(name, curve);
  };
  const seen = lines.filter(({ skipped }) => skipped === undefined);
  for (const line of seen) for (const [name, value] of Object.entries(line.losses)) put(name, line.step, value);
  for (const { step, measures } of evaluations) {
    for (const [name, value] of Object.entries(measures)) put(`eval/${name}`, step, value);
  }
  for (const line of seen) put('lr', line.step, line.lr);
  // the first step compiles shaders
  for (const line of seen.slice(seen.length > 1 ? 1 : 0)) put('img_per_s', line.step, line.img_per_s);
  return [...curves.values()];
}

/** A schedule has no noise to smooth, and an evaluation is of the same pictures each time. */
export const isExact = ({ name }: Curve): boolean => name === 'lr' || name.startsWith('eval/');

/**
 * Exponential mean without the pull of its start:
 *
 *     m = w m + (1 - w) x,    y = m / (1 - w^i)
 *
 * @param weight  of the past, 0 (nothing is smoothed) up to but not 1
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let mean = 0;
  let share = 1;
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    share *= weight;
    return mean / (1 - share);
  });
}

/** Means of neighbours, so that at most `most` points are left; steps are those of the last of each. */
export function thin({ name, steps, values }: Curve, most: number): Curve {
  const group = Math.ceil(values.length / most);
  if (group <= 1) return { name, steps, values };
  const [thinSteps, thinValues]: [number[], number[]] = [[], []];
  for (let begin = 0; begin < values.length; begin += group) {
    const part = values.slice(begin, begin + group);
    thinSteps.push(steps[Math.min(begin + group, steps.length) - 1]);
    thinValues.push(part.reduce((sum, value) => sum + value, 0) / part.length);
  }
  return { name, steps: thinSteps, values: thinValues };
}

/** Mean of the last tenth of a curve, at most 100 points: what "the end" of a noisy curve is. */
export function finalValue({ values }: Curve): number {
  const tail = values.slice(-Math.max(1, Math.min(100, Math.ceil(values.length / 10))));
  return tail.reduce((sum, value) => sum + value, 0) / tail.length;
}

/** A number for people: four digits, no more than are needed. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
