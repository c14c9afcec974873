import type { Capabilities, Device } from '../../engine/index.ts';
import measured from './families.json' with { type: 'json' };

/**
 * Families of matrix-like kernels: `lanes` share values through subgroup shuffles (fastest on software drivers), `tiled`
 * through workgroup memory (for GPUs), `direct` not at all (small groups of channels, and anything else).
 */
export const FAMILIES = ['lanes', 'tiled', 'direct'] as const;
export type Family = (typeof FAMILIES)[number];

/** What a family is chosen for. Rows share what is loaded of the columns: output channels, where there are channels. */
export interface MatrixWork {
  readonly kind: 'matmul' | 'conv2d' | 'conv2dWeightGrad';
  readonly rows: number;
  readonly columns: number;
}

/** What `bench --tune` found on one class of devices: families by class of shape, where they are not the default. */
export interface MeasuredFamilies {
  readonly adapter: string;
  readonly dawn: string;
  readonly date: string;
  readonly commit: string;
  readonly families: Readonly<Record<string, string>>;
}

let table: Readonly<Record<string, MeasuredFamilies>> = measured;
/** Chooses by another table, for tests; `undefined` goes back to the measured one. */
export function useFamilies(other: Readonly<Record<string, MeasuredFamilies>> | undefined): void {
  table = other ?? measured;
}

let forced: Family | undefined;
/** Makes every kernel that has the family use it, for tests and benches; `undefined` goes back to choosing. */
export function forceFamily(family: Family | undefined): void {
  forced = family;
}

/** What a choice needs to know of a device. */
export type ChosenFor = Pick<Device, 'capabilities' | 'info'>;

/** Devices that one choice serves: of one vendor, with subgroups of one width. */
export function deviceClass({ info, capabilities: { software, subgroupWidth } }: ChosenFor): string {
  return `${info.vendor || 'unknown'}${software ? ' software' : ''}, ${subgroupWidth === 0 ? 'no fixed subgroup' : `subgroups of ${subgroupWidth}`}`;
}

/** Shapes that one choice serves: whether there are rows enough to share what is loaded, and columns enough for lanes. */
export function shapeClass({ kind, rows, columns }: MatrixWork): string {
  return `${kind}, ${rows < 8 ? 'below 8' : '8 or more'} rows, ${columns <= 4 ? 'up to 4' : 'over 4'} columns`;
}

/** Whether the device can run the family. */
export function runsFamily(family: string, { subgroupWidth }: Capabilities): family is Family {
  return family === 'lanes' ? subgroupWidth >= 4 : family === 'tiled' || family === 'direct';
}

/** The family where nothing was measured. */
export function defaultFamily(capabilities: Capabilities, { rows }: MatrixWork): Family {
  if (capabilities.software && capabilities.subgroupWidth >= 4) return 'lanes';
  return rows >= 8 ? 'tiled' : 'direct';
}

/** The family for a device and a shape: that which was measured to be the fastest, else the default. */
export function familyFor(device: ChosenFor, work: MatrixWork): Family {
  if (forced) return forced;
  const { capabilities } = device;
  const found = table[deviceClass(device)]?.families[shapeClass(work)];
  return found !== undefined && runsFamily(found, capabilities) ? found : defaultFamily(capabilities, work);
}
