/** Runs one case: load, build, feed, compare. */

import { join } from 'node:path';
import type { Answer, Builder, Results } from './context.ts';
import { type Inputs, resolveInputs } from './inputs.ts';
import type { Case, Expectation } from './manifest.ts';
import { resolveParams } from './parameters.ts';
import { readTensors } from './tensors.ts';
import { compare, type Verdict } from './tolerance.ts';
import { fromNested, type Value, value } from './values.ts';
import { applyView } from './views.ts';

export interface EntryReport extends Verdict {
  /** name of the expectation in the manifest */
  entry: string;
  of: string;
  view?: string;
}

export interface CaseReport {
  kind: string;
  name: string;
  status: 'pass' | 'FAIL' | 'unsupported';
  /** worst error / tolerance over all entries; NaN when something could not be compared */
  worst: number;
  /** the entry that it belongs to */
  worstEntry?: string;
  /** why the case could not be run at all */
  error?: string;
  entries: EntryReport[];
  ms: number;
}

/**
 * @param builders  builders by kind
 * @param folder    the folder of the manifest
 */
export async function runCase(
  golden: Case,
  folder: string,
  builders: Readonly<Record<string, Builder>>,
): Promise<CaseReport> {
  const start = performance.now();
  const report = (rest: Omit<CaseReport, 'kind' | 'name' | 'ms'>): CaseReport => ({
    kind: golden.kind,
    name: golden.name,
    ...rest,
    ms: performance.now() - start,
  });
  const builder = Object.hasOwn(builders, golden.kind) ? builders[golden.kind] : undefined;
  if (!builder) return report({ status: 'unsupported', worst: Number.NaN, entries: [] });
  try {
    const entries = await evaluate(golden, folder, builder);
    const failed = entries.filter((entry) => !entry.pass);
    const worst = (failed.length > 0 ? failed : entries).reduce((a, b) => (badness(b) > badness(a) ? b : a));
    return report({
      status: failed.length > 0 ? 'FAIL' : 'pass',
      worst: worst.ratio,
      worstEntry: worst.entry,
      entries,
    });
  } catch (error) {
    return report({ status: 'FAIL', worst: Number.NaN, error: messageOf(error), entries: [] });
  }
}

/** NaN, which means "not comparable", is worse than any number. */
function badness(entry: EntryReport): number {
  return Number.isNaN(entry.ratio) ? Number.POSITIVE_INFINITY : entry.ratio;
}

async function evaluate(golden: Case, folder: string, builder: Builder): Promise<EntryReport[]> {
  const tensors = golden.file === null ? new Map<string, Value>() : readTensors(join(folder, golden.file));
  const inputs = resolveInputs(golden, folder, tensors);
  const shapes = builder.parameters && (() => builder.parameters?.(golden.config) ?? []);
  // The expectations about parameters "before" must not see what a training step does to its copy.
  const initial = resolveParams(golden.params, tensors, shapes);
  const params = new Map([...initial].map(([key, p]) => [key, value(p.shape, p.data.slice())]));
  const results = await builder.run({ config: golden.config, inputs, params });
  const reports: EntryReport[] = [];
  const judge = async (entry: string, expectation: Expectation, reference: () => Value) => {
    const { of, view } = expectation;
    const verdict = await judgeEntry(golden, expectation, reference, results, inputs, initial).catch(
      (error: unknown): Verdict => ({ pass: false, ratio: Number.NaN, reason: messageOf(error) }),
    );
    reports.push({ entry, of, ...(view === undefined ? {} : { view }), ...verdict });
  };
  for (const [name, expectation] of Object.entries(golden.expect)) {
    await judge(name, expectation, () => {
      const tensor = tensors.get(name);
      if (!tensor) throw new Error(`the file has no tensor ${name}`);
      return tensor;
    });
  }
  for (const [name, scalar] of Object.entries(golden.scalars)) {
    await judge(name, scalar, () => fromNested(scalar.value));
  }
  if (reports.length === 0) throw new Error('The case expects nothing, so nothing was checked.');
  return reports;
}

async function judgeEntry(
  golden: Case,
  expectation: Expectation,
  makeReference: () => Value,
  results: Results,
  inputs: Inputs,
  initial: ReadonlyMap<string, Value>,
): Promise<Verdict> {
  const reference = makeReference();
  const { of, view } = expectation;
  const rhs = inputs.has('rhs') ? () => inputs.get('rhs') : undefined;
  const look = async (what: string): Promise<Value[]> => {
    const ways = await ask(results, what);
    if (ways.length === 0) throw new Error(`not computed: ${what}`);
    return ways.map((answer) => applyView(answer, view, reference.shape, rhs));
  };
  const each = expandEach(of, golden.config);
  const ways = each ? concatenateWays(await Promise.all(each.map(look))) : await look(of);
  const key = expectation.relativeTo === 'update' ? of.match(/^param (\S+)/)?.[1] : undefined;
  const before = key === undefined ? undefined : initial.get(key);
  const start = before && applyView(before, view, reference.shape, rhs);
  const verdicts = ways.map((got) => compare(got, reference, expectation, start));
  return verdicts.reduce((a, b) => (a.pass && (!b.pass || b.ratio > a.ratio) ? b : a));
}

/** Every way in which the question was answered; none when it was not. */
async function ask(results: Results, of: string): Promise<readonly Answer[]> {
  const lazy = results.get(of);
  const found = typeof lazy === 'function' ? await lazy() : lazy;
  if (found === undefined) return [];
  return Array.isArray(found) ? found : [found as Answer];
}

/** "gradient of param (each key of config.param_order) @ forward" → one question for each key; else undefined. */
function expandEach(of: string, config: Readonly<Record<string, unknown>>): string[] | undefined {
  const match = of.match(/\(each key of config\.(\w+)\)/);
  if (!match) return undefined;
  const keys = config[match[1]];
  if (!Array.isArray(keys)) throw new Error(`config.${match[1]} is no list of keys`);
  return keys.map((key) => of.replace(match[0], String(key)));
}

/** One vector for each way, of the answers to all questions; what was answered once serves every way. */
function concatenateWays(parts: readonly (readonly Value[])[]): Value[] {
  const count = Math.max(...parts.map((ways) => ways.length));
  return Array.from({ length: count }, (_, way) => {
    const flat = parts.flatMap((ways) => Array.from((ways[way] ?? ways[0]).data));
    return value([flat.length], Float64Array.from(flat));
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
