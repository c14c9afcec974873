/** Which family of kernels is the fastest for each class of shapes on this device. */
import { writeFile } from 'node:fs/promises';
import { newTable, number } from '../cli/profile-table.ts';
import { allOps, type Device, invariant, scope, type Tensor, tensor } from '../engine/index.ts';
import { conv2d, matmul } from '../kernels/index.ts';
import {
  defaultFamily,
  deviceClass,
  FAMILIES,
  type Family,
  forceFamily,
  type MatrixWork,
  type MeasuredFamilies,
  runsFamily,
  shapeClass,
} from '../kernels/lib/family.ts';
import type { Environment } from './environment.ts';
import { measure } from './measure.ts';
import { LEVEL, rankTest } from './significance.ts';
import type { Summary } from './statistics.ts';
import type { Variant } from './variant.ts';

export const familiesFile = new URL('../kernels/lib/families.json', import.meta.url);

/** A shape to time: several stand for a class, and a family must win in all of them. */
export interface TuneShape {
  readonly work: MatrixWork;
  readonly sample: string;
  readonly make: (device: Device) => { readonly inputs: readonly Tensor[]; readonly run: () => Tensor };
}

export const tuneShapes: readonly TuneShape[] = [
  ...[
    [512, 512, 512],
    [64, 4096, 64],
    [512, 512, 1],
    [2048, 256, 4],
    [4, 512, 512],
    [1, 1024, 1024],
    [1, 65536, 1],
    [4, 65536, 4],
  ].map(([m, k, n]) => product(m, k, n)),
  ...[
    { channels: 64, outChannels: 64, size: 64, kernel: 3 },
    { channels: 256, outChannels: 64, size: 32, kernel: 1 },
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
    work: { kind: 'matmul', rows: m, columns: n },
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

function convolution(shape: ConvShape): TuneShape {
  const { channels, outChannels, size, kernel } = shape;
  return {
    work: { kind: 'conv2d', rows: outChannels, columns: size * size },
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
  const op = allOps().find(({ definition }) => definition.name === 'conv2dWeightGrad');
  invariant(op, 'no op is called conv2dWeightGrad');
  const call = op as unknown as (inputs: Record<string, Tensor>, attrs: object) => { w: Tensor };
  return {
    work: { kind: 'conv2dWeightGrad', rows: outChannels, columns: channels * kernel * kernel },
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

/** What was found of one shape. */
export interface TunedShape {
  readonly work: MatrixWork;
  readonly sample: string;
  readonly times: ReadonlyMap<Family, Summary>;
}

/** Times every shape with every family that the device runs, in turns. */
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
    const families = FAMILIES.filter((family) => runsFamily(family, device.capabilities));
    const measured = await measure(
      device,
      families.map((family) => variantOf(family, sample, run)),
      { seconds },
    );
    found.push({ work, sample, times: new Map(families.map((family, i) => [family, measured[i].seconds])) });
    for (const input of inputs) input.dispose();
    device.pool.trim();
  }
  return found;
}

function variantOf(family: Family, sample: string, run: () => Tensor): Variant {
  const forcedRun = () => {
    forceFamily(family);
    try {
      return [run()];
    } finally {
      forceFamily(undefined);
    }
  };
  return {
    ...{ op: family, sample, pass: 'forward', dtype: 'f32' },
    prepare: () => {},
    run: forcedRun,
    release: () => {},
  };
}

/** How much faster another family has to be, so that a table is worth its line. */
const WORTHWHILE = 1.1;

/**
 * The families to choose by class of shape, where one beats the default in every shape of the class: by a tenth in the
 * median, and beyond the scatter of the runs.
 */
export function choose(device: Pick<Device, 'capabilities'>, found: readonly TunedShape[]): Record<string, Family> {
  const classes = new Map<string, TunedShape[]>();
  for (const one of found) {
    const name = shapeClass(one.work);
    classes.set(name, [...(classes.get(name) ?? []), one]);
  }
  const chosen: Record<string, Family> = {};
  for (const [name, shapes] of classes) {
    const usual = defaultFamily(device.capabilities, shapes[0].work);
    const gain = ({ times }: TunedShape, family: Family) =>
      (times.get(usual)?.median ?? 0) / (times.get(family)?.median ?? Number.POSITIVE_INFINITY);
    const better = FAMILIES.filter(
      (family) => family !== usual && shapes.every((shape) => beats(shape, family, usual)),
    );
    const total = (family: Family) => shapes.reduce((sum, shape) => sum + Math.log(gain(shape, family)), 0);
    const [best] = better.sort((a, b) => total(b) - total(a));
    if (best) chosen[name] = best;
  }
  return chosen;
}

function beats({ times }: TunedShape, family: Family, usual: Family): boolean {
  const [a, b] = [times.get(family), times.get(usual)];
  if (!a || !b) return false;
  return b.median / a.median > WORTHWHILE && rankTest(a.sorted, b.sorted) < LEVEL;
}

/** Every time, with the default and what was chosen. */
export function tuneTable(
  device: Device,
  found: readonly TunedShape[],
  chosen: Readonly<Record<string, Family>>,
): string {
  const table = newTable(['class · shape', ...FAMILIES.map((family) => `${family} µs`), 'default', 'chosen']);
  for (const { work, sample, times } of found) {
    const name = shapeClass(work);
    const usual = defaultFamily(device.capabilities, work);
    const cells = FAMILIES.map((family) => number((times.get(family)?.median ?? Number.NaN) * 1e6, 0));
    table.push([`${name} · ${sample}`, ...cells, usual, chosen[name] ?? usual]);
  }
  return `${table.toString()}\n`;
}

/** Puts what was found in the table of the repository; other classes of devices keep their lines. */
export async function writeFamilies(
  file: URL,
  before: Readonly<Record<string, MeasuredFamilies>>,
  device: Device,
  { driver, dawn, date, commit }: Environment,
  families: Readonly<Record<string, Family>>,
): Promise<void> {
  const entry: MeasuredFamilies = { adapter: driver, dawn, date, commit, families };
  const all = Object.entries({ ...before, [deviceClass(device)]: entry });
  all.sort(([a], [b]) => (a < b ? -1 : 1));
  await writeFile(file, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
}
