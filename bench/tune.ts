/** Which variant of the matrix kernels is the fastest for each class of shapes on this device. */
import { writeFile } from 'node:fs/promises';
import { newTable, number } from '../cli/profile-table.ts';
import { type Device, scope, type Tensor, tensor } from '../engine/index.ts';
import { conv2d, matmul } from '../kernels/index.ts';
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
  type WorkWindow,
} from '../kernels/lib/variant.ts';
import type { Environment } from './environment.ts';
import { measure } from './measure.ts';
import { opNamed } from './op-named.ts';
import { LEVEL, rankTest } from './significance.ts';
import type { Summary } from './statistics.ts';
import type { Variant } from './variant.ts';

export const variantsFile = new URL('../kernels/lib/variants.json', import.meta.url);

/** A shape to time: several stand for a class, and a variant must win in all of them. */
export interface TuneShape {
  readonly work: MatrixWork;
  readonly sample: string;
  readonly make: (device: Device) => { readonly inputs: readonly Tensor[]; readonly run: () => Tensor };
}

export const tuneShapes: readonly TuneShape[] = [
  ...[
    [1, 65536, 1],
    [4, 65536, 4],
    [1, 1024, 1024],
    [4, 512, 512],
    [512, 512, 1],
    [2048, 256, 4],
    [32, 256, 1024],
    [256, 512, 32],
    [32, 2048, 1024],
    [512, 4096, 16],
    [32, 64, 16384],
    [16384, 64, 32],
    [512, 512, 512],
    [256, 256, 256],
    [64, 4096, 64],
    [256, 2048, 256],
    [1024, 256, 1024],
    [512, 64, 2048],
  ].map(([m, k, n]) => product(m, k, n)),
  ...[
    { channels: 64, outChannels: 64, size: 64, kernel: 3 },
    { channels: 64, outChannels: 64, size: 16, kernel: 3 },
    { channels: 64, outChannels: 64, size: 128, kernel: 3 },
    { channels: 64, outChannels: 128, size: 64, kernel: 3 },
    { channels: 128, outChannels: 128, size: 32, kernel: 3 },
    { channels: 256, outChannels: 256, size: 16, kernel: 3 },
    { channels: 512, outChannels: 512, size: 8, kernel: 3 },
    { channels: 128, outChannels: 128, size: 7, kernel: 3 },
    { channels: 256, outChannels: 64, size: 32, kernel: 1 },
    { channels: 256, outChannels: 32, size: 32, kernel: 3 },
    { channels: 64, outChannels: 32, size: 16, kernel: 3 },
    { channels: 32, outChannels: 32, size: 64, kernel: 3 },
    { channels: 16, outChannels: 16, size: 128, kernel: 3 },
    { channels: 16, outChannels: 16, size: 16, kernel: 3 },
    { channels: 64, outChannels: 16, size: 32, kernel: 1 },
    { channels: 16, outChannels: 4, size: 128, kernel: 3 },
    { channels: 64, outChannels: 3, size: 64, kernel: 7 },
    { channels: 2, outChannels: 16, size: 128, kernel: 1 },
    { channels: 4, outChannels: 64, size: 64, kernel: 1 },
    { channels: 4, outChannels: 4, size: 128, kernel: 1 },
    { channels: 1, outChannels: 1, size: 128, kernel: 1 },
  ].flatMap((shape) => [convolution(shape), weightGradient(shape)]),
];

function product(m: number, k: number, n: number): TuneShape {
  return {
    work: { kind: 'matmul', rows: m, columns: n, terms: k, batch: 1, dtype: 'f32' },
    sample: `${m}×${k} · ${k}×${n}`,
    make: (device) => {
      const [a, b] = [values(device, [m, k]), values(device, [k, n])];
      return { inputs: [a, b], run: () => matmul(a, b) };
    },
  };
}

interface ConvShape {
  readonly channels: number;
  readonly outChannels: number;
  readonly size: number;
  readonly kernel: number;
}

function sampleOf({ channels, outChannels, size, kernel }: ConvShape): string {
  return `${kernel}×${kernel}, ${channels}>${outChannels} at ${size}²`;
}

function windowOf(kernel: number): WorkWindow {
  return { kernel: [kernel, kernel], stride: [1, 1], outStride: [1, 1], dilation: [1, 1] };
}

function convolution(shape: ConvShape): TuneShape {
  const { channels, outChannels, size, kernel } = shape;
  return {
    work: {
      ...{ kind: 'conv2d', rows: outChannels, columns: size * size, terms: channels * kernel ** 2, batch: 1 },
      ...{ dtype: 'f32', window: windowOf(kernel) },
    },
    sample: sampleOf(shape),
    make: (device) => {
      const x = values(device, [1, channels, size, size]);
      const weight = values(device, [outChannels, channels, kernel, kernel]);
      return { inputs: [x, weight], run: () => conv2d(x, { weight }, { padding: (kernel - 1) / 2 }) };
    },
  };
}

function weightGradient(shape: ConvShape): TuneShape {
  const { channels, outChannels, size, kernel } = shape;
  const call = opNamed('conv2dWeightGrad');
  return {
    work: {
      ...{ kind: 'conv2dWeightGrad', rows: outChannels, columns: channels * kernel ** 2, terms: size * size, batch: 1 },
      ...{ dtype: 'f32', window: windowOf(kernel) },
    },
    sample: sampleOf(shape),
    make: (device) => {
      const x = values(device, [1, channels, size, size]);
      const g = values(device, [1, outChannels, size, size]);
      const attrs = { padding: (kernel - 1) / 2, kernel: [kernel, kernel] };
      return { inputs: [x, g], run: () => call({ x, g }, attrs).w };
    },
  };
}

function values(device: Device, shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b);
  return scope(() =>
    tensor(
      device,
      Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
      shape,
    ),
  );
}

/** A software driver takes seconds for more than this, in each of half a dozen runs of each variant. */
const MOST_IN_SOFTWARE = 4e8;

/** The shapes to time on a device, those with a text in their class or sample. */
export function shapesFor({ capabilities: { software } }: ChosenFor, filter: string): readonly TuneShape[] {
  return tuneShapes.filter(({ work, sample }) => {
    const { rows, columns, terms, batch } = work;
    const small = !software || 2 * rows * columns * terms * batch <= MOST_IN_SOFTWARE;
    return small && `${shapeClass(work)}: ${sample}`.includes(filter);
  });
}

/** What was found of one shape. */
export interface TunedShape {
  readonly work: MatrixWork;
  readonly sample: string;
  /** by the variant's name */
  readonly times: ReadonlyMap<string, Summary>;
}

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
    const names = variantsOn(device, work.kind, work).map(({ name }) => name);
    const measured = await measure(
      device,
      names.map((name) => forcedTo(name, sample, run)),
      { seconds },
    );
    found.push({ work, sample, times: new Map(names.map((name, i) => [name, measured[i].seconds])) });
    for (const input of inputs) input.dispose();
    device.pool.trim();
  }
  return found;
}

function forcedTo(name: string, sample: string, run: () => Tensor): Variant {
  const forcedRun = () => {
    forceVariants(name);
    try {
      return [run()];
    } finally {
      forceVariants(undefined);
    }
  };
  return {
    ...{ op: name, sample, pass: 'forward', dtype: 'f32' },
    prepare: () => {},
    run: forcedRun,
    release: () => {},
  };
}

/** How much faster another variant has to be, so that a table is worth its line. */
const WORTHWHILE = 1.1;

/**
 * The variants to choose by class of shape, where one beats the default in every shape of the class: by a tenth in the
 * median, and beyond the scatter of the runs.
 */
export function choose(device: ChosenFor, found: readonly TunedShape[]): Record<string, string> {
  const classes = new Map<string, TunedShape[]>();
  for (const one of found) {
    const name = shapeClass(one.work);
    classes.set(name, [...(classes.get(name) ?? []), one]);
  }
  const chosen: Record<string, string> = {};
  for (const [name, shapes] of classes) {
    const better = VARIANTS.map((variant) => variant.name).filter((variant) =>
      shapes.every((shape) => beats(shape, variant, defaultVariant(device, shape.work).name)),
    );
    const total = (variant: string) =>
      shapes.reduce((sum, { times }) => sum + Math.log(times.get(variant)?.median ?? Number.POSITIVE_INFINITY), 0);
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
