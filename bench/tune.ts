/** Which variant of the matrix kernels is the fastest for each class of shapes on this device. */
import { writeFile } from 'node:fs/promises';
import { newTable, number } from '../cli/profile-table.ts';
import { type Device, LimitError, OutOfMemoryError, type Tensor } from '../engine/index.ts';
import {
  type ChosenFor,
  defaultVariant,
  deviceClass,
  forceVariants,
  type MatrixWork,
  type MeasuredVariants,
  shapeClass,
  VARIANTS,
  variantsOn,
} from '../kernels/lib/variant.ts';
import type { Environment } from './environment.ts';
import { measure } from './measure.ts';
import { LEVEL, rankTest } from './significance.ts';
import type { Summary } from './statistics.ts';
import type { TuneShape } from './tune-shapes.ts';
import type { Variant } from './variant.ts';

export const variantsFile = new URL('../kernels/lib/variants.json', import.meta.url);

/** What was found of one shape. */
export interface TunedShape {
  readonly work: MatrixWork;
  readonly sample: string;
  /** by the variant's name */
  readonly times: ReadonlyMap<string, Summary>;
}

/** A variant so many times as slow as the fastest in both its first runs has no other: it will not be chosen. */
const HOPELESS = 4;

/** Times every shape with every variant that the device runs, in turns. */
export async function tune(
  device: Device,
  shapes: readonly TuneShape[],
  seconds: number,
  onShape: (line: string) => void,
): Promise<TunedShape[]> {
  const found: TunedShape[] = [];
  for (const { work, sample, make } of shapes) {
    onShape(`${shapeClass(work)}: ${sample}`);
    const { inputs, run } = make(device);
    const variants = variantsOn(device, work.kind, work).map(({ name }) => forcedTo(name, { work, sample }, run));
    const ready = await Promise.all(variants.map((variant) => prepared(device, variant)));
    const able = variants.filter((_, i) => ready[i]);
    const usual = defaultVariant(device, work).name;
    const hopeless = ({ op }: Variant, times: number) => op !== usual && times > HOPELESS;
    const measured = await measure(device, able, { seconds, hopeless });
    found.push({ work, sample, times: new Map(measured.map((one) => [one.variant.op, one.seconds])) });
    for (const input of inputs) input.dispose();
    device.pool.trim();
  }
  return found;
}

/** Compiles what a variant runs; false where the device cannot hold what it needs between its passes. */
async function prepared(device: Device, variant: Variant): Promise<boolean> {
  try {
    await device.prepare(() => void variant.run());
    return true;
  } catch (error) {
    if (error instanceof LimitError || error instanceof OutOfMemoryError) return false;
    throw error;
  }
}

function forcedTo(name: string, { work, sample }: Pick<TuneShape, 'work' | 'sample'>, run: () => Tensor): Variant {
  const forcedRun = () => {
    forceVariants(name);
    try {
      return [run()];
    } finally {
      forceVariants(undefined);
    }
  };
  return {
    ...{ op: name, sample, pass: 'forward', dtype: work.dtype ?? 'f32' },
    prepare: () => {},
    run: forcedRun,
    release: () => {},
  };
}

/** How much faster another variant has to be, so that a table is worth its line. */
const WORTHWHILE = 1.1;

/**
 * The variants to choose by class of shape, where one beats the default in every shape of the class that it computes: by a
 * tenth in the median, and beyond the scatter of the runs. What it does not compute stays with the default.
 */
export function choose(device: ChosenFor, found: readonly TunedShape[]): Record<string, string> {
  const classes = new Map<string, TunedShape[]>();
  for (const one of found) {
    const name = shapeClass(one.work);
    classes.set(name, [...(classes.get(name) ?? []), one]);
  }
  const chosen: Record<string, string> = {};
  for (const [name, shapes] of classes) {
    const usual = (shape: TunedShape) => defaultVariant(device, shape.work).name;
    const better = VARIANTS.map((variant) => variant.name).filter((variant) => {
      const computed = shapes.filter(({ times }) => times.has(variant));
      return computed.length > 0 && computed.every((shape) => beats(shape, variant, usual(shape)));
    });
    const seconds = (shape: TunedShape, variant: string) =>
      (shape.times.get(variant) ?? shape.times.get(usual(shape)))?.median ?? Number.POSITIVE_INFINITY;
    const total = (variant: string) => shapes.reduce((sum, shape) => sum + Math.log(seconds(shape, variant)), 0);
    const [best] = better.sort((a, b) => total(a) - total(b));
    if (best) chosen[name] = best;
  }
  return chosen;
}

function beats({ times }: TunedShape, name: string, usual: string): boolean {
  const [a, b] = [times.get(name), times.get(usual)];
  if (!a || !b || name === usual) return false;
  return b.median / a.median > WORTHWHILE && rankTest(a.sorted, b.sorted) < LEVEL;
}

/** Every time, with the default and what was chosen. */
export function tuneTable(
  device: Device,
  found: readonly TunedShape[],
  chosen: Readonly<Record<string, string>>,
): string {
  const names = VARIANTS.map(({ name }) => name).filter((name) => found.some(({ times }) => times.has(name)));
  const table = newTable(['class · shape', ...names.map((name) => `${name} µs`), 'default', 'chosen']);
  for (const { work, sample, times } of found) {
    const name = shapeClass(work);
    const usual = defaultVariant(device, work).name;
    const cells = names.map((variant) => number((times.get(variant)?.median ?? Number.NaN) * 1e6, 0));
    table.push([`${name} · ${sample}`, ...cells, usual, chosen[name] ?? usual]);
  }
  return `${table.toString()}\n`;
}

/** The line of the table for this device: what was chosen now, and what was known of classes that were not timed. */
export function entryOf(
  known: MeasuredVariants | undefined,
  { driver, dawn, date, commit }: Environment,
  found: readonly TunedShape[],
  chosen: Readonly<Record<string, string>>,
): MeasuredVariants {
  const timed = new Set(found.map(({ work }) => shapeClass(work)));
  const others = Object.entries(known?.variants ?? {}).filter(([name]) => !timed.has(name));
  const variants = Object.fromEntries([...others, ...Object.entries(chosen)].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { adapter: driver, dawn, date, commit, variants };
}

/** Puts a device's line in the table of the repository; other classes of devices keep theirs. */
export async function writeVariants(
  file: URL,
  before: Readonly<Record<string, MeasuredVariants>>,
  device: ChosenFor,
  entry: MeasuredVariants,
): Promise<void> {
  const all = Object.entries({ ...before, [deviceClass(device)]: entry });
  all.sort(([a], [b]) => (a < b ? -1 : 1));
  await writeFile(file, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
}
