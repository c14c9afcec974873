/** Whether results are right on this adapter: the ops against their definitions, and golden cases where there are some. */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { linesOfChild, ROOT, typescript } from '../child.ts';
import type { Found, Stage, Task, TaskContext } from './stage.ts';

/** How a suite ended. */
export interface SuiteCounts extends Found {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** it was ended before its end, for lack of time */
  readonly cut: boolean;
  /** names of what failed, the first of them */
  readonly failures: readonly string[];
}

const SHOWN = 20;

/** @param golden  folder of golden cases, where there is one */
export function suitesStage(device: string | undefined, golden: string | undefined): Stage[] {
  const env = { MIAOBI_DEVICE: device };
  return [
    { name: 'every op against float64, with its gradient', share: 5, tasks: [opsTask(env), unitsTask(env)] },
    { name: 'golden cases', share: 3, tasks: golden === undefined ? [] : goldenTasks(env, golden) },
  ];
}

type Env = Readonly<Record<string, string | undefined>>;

interface TestLine {
  readonly name: string;
  readonly state: string;
  readonly error?: string;
}

function opsTask(env: Env): Task {
  return {
    id: 'ops',
    estimate: 10,
    run: async ({ journal, seconds, note }) => {
      const file = journal.file('ops.jsonl');
      const finished = finishedOps(readLines(file));
      const filter = finished.length > 0 ? ['-t', `^(?!(${finished.join('|')}) )`] : [];
      const { code, cut, stderr } = await vitestLines(['test/ops.test.ts', ...filter], file, seconds, env);
      const counts = countsOf(readLines(file), cut);
      return checked(counts, !cut && code !== 0 && counts.failed === 0 ? stderr : undefined, note);
    },
  };
}

/** Kernels on the device's matrix units: the ops' own samples are mostly too small to be given to them. */
function unitsTask(env: Env): Task {
  return {
    id: 'matrix units',
    estimate: 5,
    run: async ({ journal, seconds, note }) => {
      const file = journal.file('units.jsonl');
      const args = ['test/properties/matrix-units.test.ts', '-t', "^the device's own units"];
      const { code, cut, stderr } = await vitestLines(args, file, seconds, env);
      const counts = countsOf(readLines(file), cut);
      return checked(counts, !cut && code !== 0 && counts.failed === 0 ? stderr : undefined, note);
    },
  };
}

/** Runs tests of vitest, which leaves a line a test in a file. */
function vitestLines(args: readonly string[], file: string, seconds: number, env: Env) {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const reporter = `--reporter=${join(ROOT, 'bench/report/vitest-lines.ts')}`;
  const settings = { seconds, onLine: () => {}, env: { ...env, MIAOBI_TEST_LINES: file } };
  return linesOfChild(process.execPath, [vitest, 'run', ...args, reporter], settings);
}

/** What was tested so far, by this run and those before it that were cut. */
function readLines(file: string): TestLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
}

/** Tests come op by op: all but the last that was reached are finished. */
export function finishedOps(lines: readonly TestLine[]): string[] {
  const ops = lines.filter(({ state }) => state !== 'skipped').map(({ name }) => name.split(' ')[0]);
  const last = ops.at(-1);
  return [...new Set(ops)].filter((op) => op !== last);
}

/** A task for each folder with a manifest, so that a cut costs one of them. */
function goldenTasks(env: Env, golden: string): Task[] {
  const manifests = readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter(
    (name) => basename(name) === 'manifest.json',
  );
  return manifests.sort().map((name) => goldenTask(env, golden, dirname(name)));
}

function goldenTask(env: Env, golden: string, folder: string): Task {
  return {
    id: `golden: ${folder}`,
    estimate: 8,
    run: async ({ journal, seconds, note }) => {
      const cases: TestLine[] = [];
      // a line `status  kind/name  worst error / tolerance`, and below a FAIL what failed
      const onLine = (line: string) => {
        const found = /^(pass|FAIL|unsupported) +(\S+) *(.*)/.exec(line);
        if (!found) return;
        const [, status, name, worst] = found;
        cases.push({ name, state: STATES[status] });
        appendFileSync(journal.file('golden.jsonl'), `${JSON.stringify({ name, state: STATES[status], worst })}\n`);
      };
      const args = [...typescript('test/conformance/main.ts'), join(golden, folder), '--allow-unsupported'];
      const { code, cut, stderr } = await linesOfChild(process.execPath, args, { seconds, onLine, env });
      const counts = countsOf(cases, cut);
      return checked(counts, !cut && code !== 0 && counts.failed === 0 ? stderr : undefined, note);
    },
  };
}

const STATES: Readonly<Record<string, string>> = { pass: 'passed', FAIL: 'failed', unsupported: 'skipped' };

/** Of each name the last line counts, but for those of tests that were passed over as finished. */
export function countsOf(lines: readonly TestLine[], cut: boolean): SuiteCounts {
  const states = new Map<string, string>();
  for (const { name, state } of lines) if (state !== 'skipped' || !states.has(name)) states.set(name, state);
  const named = (state: string) => [...states].flatMap(([name, own]) => (own === state ? [name] : []));
  const failed = named('failed');
  return {
    ...{ passed: named('passed').length, failed: failed.length, skipped: named('skipped').length, cut },
    failures: failed.slice(0, SHOWN),
  };
}

/** @param trouble  what a suite said that ended badly without a failure */
function checked(counts: SuiteCounts, trouble: string | undefined, note: TaskContext['note']): SuiteCounts {
  const { passed, failed, skipped, cut } = counts;
  if (trouble !== undefined) throw new Error(`the suite broke: ${trouble.trim().split('\n').slice(-3).join(' | ')}`);
  const left = skipped > 0 ? `, ${skipped} skipped or not supported yet` : '';
  note(`${cut ? 'cut for lack of time after ' : ''}${passed} passed, ${failed} failed${left}`);
  return counts;
}
