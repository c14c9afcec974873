/** Every variant of the matrix kernels, on the shapes that `bench --tune` chooses by. */
import { deviceClass, type MeasuredVariants, shapeClass } from '../../kernels/lib/variant.ts';
import type { Environment } from '../environment.ts';
import { choose, tune } from '../tune.ts';
import type { TuneShape } from '../tune-shapes.ts';
import type { TaskRecord } from './journal.ts';
import type { Stage, Task } from './stage.ts';

/** What was found of a class of shapes. */
export interface TimedClass {
  readonly device: string;
  readonly name: string;
  /** the variant to choose for it, where it is not the default */
  readonly chosen?: string | undefined;
  readonly shapes: readonly { readonly sample: string; readonly us: Readonly<Record<string, number>> }[];
}

/** Seconds of timing for a variant on a shape; at least five runs of each. */
const SECONDS = 0.05;

/** One task a class: a choice needs all its shapes. Those with the most work come first. */
export function variantStage(software: boolean, shapes: readonly TuneShape[]): Stage {
  const classes = new Map<string, TuneShape[]>();
  for (const shape of shapes) {
    const name = shapeClass(shape.work);
    classes.set(name, [...(classes.get(name) ?? []), shape]);
  }
  const most = (ofClass: readonly TuneShape[]) =>
    Math.max(...ofClass.map(({ work }) => work.rows * work.columns * work.terms));
  const sorted = [...classes].sort(([, a], [, b]) => most(b) - most(a));
  const tasks = sorted.map(([name, ofClass]) => task(name, ofClass, software));
  return { name: 'variants', share: 1, tasks };
}

function task(name: string, shapes: readonly TuneShape[], software: boolean): Task {
  return {
    id: `variants: ${name}`,
    estimate: software ? 30 : 4,
    run: async ({ device }) => {
      const on = await device();
      const found = await tune(on, shapes, SECONDS, () => {});
      const timed: TimedClass = {
        device: deviceClass(on),
        name,
        chosen: choose(on, found)[name],
        shapes: found.map(({ sample, times }) => ({
          sample,
          us: Object.fromEntries([...times].map(([variant, { median }]) => [variant, median * 1e6])),
        })),
      };
      return { timed };
    },
  };
}

export function timedClasses(records: Readonly<Record<string, TaskRecord>>): TimedClass[] {
  return Object.values(records).flatMap(({ found }) => (found?.timed ? [found.timed as TimedClass] : []));
}

/** The line for kernels/lib/variants.json; undefined where nothing was timed. */
export function variantsLine(
  classes: readonly TimedClass[],
  { driver: adapter, dawn, date, commit }: Environment,
): Record<string, MeasuredVariants> | undefined {
  if (classes.length === 0) return undefined;
  const variants = Object.fromEntries(classes.flatMap(({ name, chosen }) => (chosen ? [[name, chosen]] : [])));
  return { [classes[0].device]: { adapter, dawn, date, commit, variants } };
}
