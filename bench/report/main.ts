/**
 * Measures this project on one GPU, from correctness to training steps, into a folder to send:
 *
 *     npm run gpu-report -- --out DIR [--minutes 10] [--golden DIR] [--device NAME] [--filter TEXT]
 *
 * The same command goes on after a cut. The work is done in a process of its own: when a driver takes that down, another
 * one goes on behind what it died in.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RequestError } from '../../train/errors.ts';
import { ROOT, typescript } from '../child.ts';

const OPTIONS = {
  out: { type: 'string' },
  minutes: { type: 'string', default: '10' },
  golden: { type: 'string' },
  device: { type: 'string' },
  /** only tasks with one of these texts, with commas between, in their names */
  filter: { type: 'string', default: '' },
  /** when to be done, in milliseconds since 1970: the process that does the work is told */
  until: { type: 'string' },
} as const;

const USAGE =
  'Usage: npm run gpu-report -- --out DIR [--minutes 10] [--golden DIR] [--device NAME] [--filter TEXT,TEXT]';

class UsageError extends Error {}

/** Golden cases beside the project, where there are some. */
const GOLDEN = join(ROOT, '../shared/golden');
/** What is left to the summary, and to a task that takes longer than its estimate, before the process is ended. */
const SUMMARY_SECONDS = 5;
const PATIENCE_SECONDS = 90;
const MOST_STARTS = 6;

async function main(argv: string[]): Promise<number> {
  const { values: flags } = parseArgs({ args: argv, options: OPTIONS });
  if (flags.out === undefined) throw new UsageError('--out: expected a folder for the report, got none.');
  const minutes = Number(flags.minutes);
  if (!(minutes > 0)) throw new UsageError(`--minutes ${flags.minutes}: expected a number above 0.`);
  const golden = flags.golden ?? (isFolder(GOLDEN) ? GOLDEN : undefined);
  if (golden !== undefined && !isFolder(golden)) {
    throw new UsageError(`--golden ${golden}: expected a folder of golden cases, but there is none. Check the path.`);
  }
  if (flags.until !== undefined) {
    const { report } = await import('./report.ts');
    await report({
      out: flags.out,
      golden: golden && resolve(golden),
      device: flags.device,
      filter: flags.filter.split(','),
      deadline: Number(flags.until),
    });
    return 0;
  }
  return supervise(argv, Date.now() + (60 * minutes - SUMMARY_SECONDS) * 1e3);
}

const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();

/** Starts the work, and again when its process died; the last start, behind the deadline, writes what there is. */
async function supervise(argv: readonly string[], deadline: number): Promise<number> {
  for (let start = 1; start <= MOST_STARTS; start++) {
    const args = [...typescript(import.meta.filename), ...argv, `--until=${deadline}`];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    const code = await endOf(child, Math.max(0, deadline - Date.now()) + PATIENCE_SECONDS * 1e3);
    if (code === 0 || code === 2) return code;
    process.stderr.write(`gpu-report: the process ended with ${code ?? 'a signal'}; going on behind what it did\n`);
  }
  return 1;
}

function endOf(child: ChildProcess, patienceMs: number): Promise<number | null> {
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      child.kill(signal);
      process.exit(130);
    });
  }
  return new Promise((done) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      done(code);
    });
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
  // Dawn's device keeps the process otherwise
  process.exit();
} catch (error) {
  const asked = error instanceof UsageError || error instanceof RequestError;
  const wrong = asked || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(wrong ? `${(error as Error).message}\n${USAGE}\n` : `${(error as Error).stack}\n`);
  process.exit(wrong ? 2 : 1);
}
