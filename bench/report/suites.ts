/** Whether results are right on this adapter: the ops against their definitions, and golden cases where there are some. */
import { appendFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { linesOfChild, ROOT, typescript } from '../child.ts';
import { groupsOf, weighedOps } from './op-groups.ts';
import type { Found, Stage, Task, TaskContext } from './stage.ts';
import { NOT_RUN, type TestLine } from './vitest-lines.ts';

/** How a suite ended. */
export interface SuiteCounts extends Found {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** it was ended before its end, for lack of time */
  readonly cut: boolean;
  /** it ended by itself before its end: what it said */
  readonly broke?: string | undefined;
  /** what failed, the first of them */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly name: string;
  /** what the test said, the first lines */
  readonly error: string;
}

/** Failures of a task that a report shows; the file of tests has all. */
const SHOWN = 20;
const SHOWN_LINES = 4;

const MOST_PROCESSES = 8;

/** Tests spend most of their time in float64 references and in drivers' compilers, beside which a GPU idles. */
function processesFor(software: boolean): number {
  return software ? 1 : Math.max(1, Math.min(MOST_PROCESSES, Math.floor(availableParallelism() / 2)));
}

/** Groups of ops: a cut, or a driver that takes a process down, costs one of them. */
const LEAST_GROUPS = 6;

/** @param golden  folder of golden cases, where there is one */
export function suitesStage(device: string | undefined, golden: string | undefined, software: boolean): Stage[] {
  const env = { MIAOBI_DEVICE: device };
  const atOnce = processesFor(software);
  const groups = groupsOf(weighedOps(), Math.max(LEAST_GROUPS, 2 * atOnce));
  const ops = groups.map((names) => opsTask(env, names));
  const cases = golden === undefined ? [] : goldenTasks(env, golden);
  return [
    { name: 'every op against float64, with its gradient', share: 5, atOnce, tasks: [...ops, unitsTask(env)] },
    { name: 'golden cases', share: 3, atOnce, tasks: cases },
  ];
}

type Env = Readonly<Record<string, string | undefined>>;

/** @param names  ops that are neighbours */
export function opsTask(env: Env, names: readonly string[]): Task {
  return {
    id: `ops: ${[...new Set([names[0], names.at(-1)])].join(' … ')}`,
    estimate: 5,
    run: (context) => vitestTask(context, ['test/ops.test.ts'], { ...env, MIAOBI_OPS: names.join(',') }),
  };
}

/** Kernels on the device's matrix units: the ops' own samples are mostly too small to be given to them. */
function unitsTask(env: Env): Task {
  const args = ['test/properties/matrix-units.test.ts', '-t', "^the device's own units"];
  return {
    id: 'matrix units',
    estimate: 5,
    run: (context) => vitestTask(context, args, env),
  };
}

/** Runs tests of vitest, and keeps the line of each as it ends. */
function vitestTask(context: TaskContext, args: readonly string[], env: Env): Promise<SuiteCounts> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const reporter = `--reporter=${join(ROOT, 'bench/report/vitest-lines.ts')}`;
  // vitest's cache is one file, which processes at the same time would read half written
  return runSuite(context, { args: [vitest, 'run', '--no-cache', ...args, reporter], env }, (line) =>
    line.startsWith('{"name"') && line.endsWith('}') ? { begins: JSON.parse(line) } : undefined,
  );
}

/** A task for each folder with a manifest, so that a cut costs one of them. */
function goldenTasks(env: Env, golden: string): Task[] {
  const manifests = readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter(
    (name) => basename(name) === 'manifest.json',
  );
  return manifests.sort().map((name) => goldenTask(env, golden, dirname(name)));
}

function goldenTask(env: Env, golden: string, folder: string): Task {
  const args = [...typescript('test/conformance/main.ts'), join(golden, folder), '--allow-unsupported'];
  return {
    id: `golden: ${folder}`,
    estimate: 8,
    run: (context) => runSuite(context, { args, env }, readGoldenLine),
  };
}

const STATES: Readonly<Record<string, string>> = { pass: 'passed', FAIL: 'failed', unsupported: 'skipped' };

/** What a line of a suite's output says: of a test that ended, or more of the one before. */
type SuiteLine = { readonly begins: TestLine } | { readonly more: string } | undefined;

/** A line `status  kind/name  worst error / tolerance`, and below a FAIL what failed. */
export function readGoldenLine(line: string): SuiteLine {
  const found = /^(pass|FAIL|unsupported) +(\S+) *(.*)/.exec(line);
  if (!found) return line.startsWith('    ') ? { more: line.trim() } : undefined;
  const [, status, name, worst] = found;
  const state = STATES[status];
  return {
    begins: { name, state, ...(state === 'skipped' ? {} : { [state === 'failed' ? 'error' : 'worst']: worst }) },
  };
}

/** A line a test of every suite, with what it said where it failed. */
const TESTS = 'tests.jsonl';

interface SuiteCommand {
  readonly args: readonly string[];
  readonly env: Env;
}

/** Runs a suite in a process of its own; its tests go to the report's file of tests, as those of other processes do. */
async function runSuite(
  { journal, seconds, note }: TaskContext,
  { args, env }: SuiteCommand,
  read: (line: string) => SuiteLine,
): Promise<SuiteCounts> {
  const lines: TestLine[] = [];
  let open: TestLine | undefined;
  const close = () => {
    if (!open) return;
    lines.push(open);
    appendFileSync(journal.file(TESTS), `${JSON.stringify(open)}\n`);
    open = undefined;
  };
  const onLine = (line: string) => {
    const said = read(line);
    if (!said) return;
    if ('more' in said) {
      if (open) open = { ...open, error: [open.error ?? '', said.more].join('\n') };
      return;
    }
    close();
    open = said.begins;
  };
  const { code, cut, stderr } = await linesOfChild(process.execPath, args, { seconds, onLine, env });
  close();
  const counts = countsOf(lines, cut);
  // 1 says that a test failed, and nothing else where it is known which
  const broke = !cut && code !== 0 && (code !== 1 || counts.failed === 0 || stderr.includes(NOT_RUN));
  return noted(broke ? { ...counts, broke: lastLines(stderr) || `it ended with ${code ?? 'a signal'}` } : counts, note);
}

const lastLines = (text: string) => text.trim().split('\n').slice(-3).join(' | ');

/** Of each name the last line counts. */
export function countsOf(lines: readonly TestLine[], cut: boolean): SuiteCounts {
  const byName = new Map(lines.map((line) => [line.name, line]));
  const of = (state: string) => [...byName.values()].filter((line) => line.state === state);
  const failed = of('failed');
  return {
    ...{ passed: of('passed').length, failed: failed.length, skipped: of('skipped').length, cut },
    failures: failed.slice(0, SHOWN).map(({ name, error = '' }) => ({ name, error: firstLines(error) })),
  };
}

const firstLines = (text: string) => text.trim().split('\n').slice(0, SHOWN_LINES).join('\n');

function noted(counts: SuiteCounts, note: TaskContext['note']): SuiteCounts {
  const { passed, failed, skipped, cut, broke } = counts;
  const left = skipped > 0 ? `, ${skipped} skipped or not supported yet` : '';
  note(`${cut ? 'cut for lack of time after ' : ''}${passed} passed, ${failed} failed${left}`);
  if (broke !== undefined) note(`the suite broke: ${broke}`);
  return counts;
}
