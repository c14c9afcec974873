import { type Device, type DType, LimitError, OutOfMemoryError, type Roofline, throughputOf } from '../engine/index.ts';
import type { Environment } from './environment.ts';
import { type Measurement, measure } from './measure.ts';
import { type Row, timesOf, titleOf } from './row.ts';
import { type Variant, type VariantGroup, variantGroups } from './variant.ts';

export interface KernelSuite {
  readonly device: Device;
  readonly roofline: Roofline;
  readonly environment: Environment;
  readonly types: readonly DType[];
  /** part of a row's title */
  readonly filter: string;
  /** seconds to spend on a row */
  readonly seconds: number;
  readonly onRow: (row: Row) => void;
  /** what cannot run on this device, and why */
  readonly onSkip: (title: string, reason: string) => void;
  readonly onGroup: (index: number, count: number, title: string) => void;
}

/** What the registry has to time, of which a row's title contains `filter`. */
export function groupsWith(filter: string): VariantGroup[] {
  return variantGroups().filter(({ names }) => names.some((name) => titleOf(name).includes(filter)));
}

/** Times every op of the registry that has a bench sample, forward and backward. */
export async function benchKernels(suite: KernelSuite): Promise<void> {
  const groups = groupsWith(suite.filter);
  for (const [i, group] of groups.entries()) {
    suite.onGroup(i + 1, groups.length, `${group.op} · ${group.sample}`);
    await benchGroup(suite, group);
  }
}

async function benchGroup(suite: KernelSuite, group: VariantGroup): Promise<void> {
  const { device, types, filter, seconds } = suite;
  const variants: Variant[] = [];
  try {
    for (const dtype of types) {
      if (!group.names.some((name) => name.dtype === dtype && titleOf(name).includes(filter))) continue;
      if (dtype === 'f16' && !device.capabilities.f16) continue;
      variants.push(...group.make(device, dtype));
    }
    const timed = variants.filter((variant) => titleOf(variant).includes(filter));
    for (const found of await measure(device, timed, { seconds })) {
      // a gradient that is a view of another tensor takes no dispatch
      if (found.dispatches > 0) suite.onRow(kernelRow(suite, found));
    }
  } catch (error) {
    if (!(error instanceof LimitError || error instanceof OutOfMemoryError)) throw error;
    suite.onSkip(`${group.op} · ${group.sample}`, error.message);
  } finally {
    for (const variant of variants) variant.release();
    await device.finish();
    device.pool.trim();
  }
}

/** What was found of a variant, as a row. */
export function kernelRow(
  { roofline, environment }: Pick<KernelSuite, 'roofline' | 'environment'>,
  found: Measurement,
): Row {
  const { variant, seconds, cost, clock, hostUs, firstMs, dispatches, checksum, speed } = found;
  const { op, sample, pass, dtype } = variant;
  return {
    ...{ suite: 'kernels', op, sample, pass, dtype },
    ...{ ...timesOf(seconds), clock },
    ...throughputOf(roofline, cost, seconds.median),
    ...{ hostUs, firstMs, dispatches, checksum, ...(speed === undefined ? {} : { speed }) },
    ...environment,
  };
}
