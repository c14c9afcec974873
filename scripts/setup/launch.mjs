import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What `--run NAME` starts: a TypeScript entry, or a program of a package. */
const RUNS = {
  demo: { entry: 'cli/demo.ts' },
  test: { program: 'node_modules/vitest/vitest.mjs', args: ['run'] },
  conformance: { entry: 'test/conformance/main.ts' },
  miaobi: { entry: 'cli/main.ts', fromCallersFolder: true },
  bench: { entry: 'cli/main.ts', args: ['bench'] },
  peers: { entry: 'bench/peers/main.ts' },
  'gpu-report': { entry: 'bench/report/main.ts', fromCallersFolder: true },
};

export const RUN_NAMES = Object.keys(RUNS);

/**
 * Arguments of the set-up.
 *
 * @param argv  `[]`, or `--run NAME` followed by arguments for that run; a `--` right after NAME is dropped
 * @returns { run: NAME | undefined, args } or { error }
 */
export function parseArguments(argv) {
  if (argv.length === 0) return { run: undefined, args: [] };
  const [flag, run, ...rest] = argv;
  if (flag !== '--run' || !RUN_NAMES.includes(run)) {
    return { error: `expected no argument or --run ${RUN_NAMES.join('|')}, but got: ${argv.slice(0, 2).join(' ')}` };
  }
  return { run, args: rest[0] === '--' ? rest.slice(1) : rest };
}

/** Node's arguments and working folder for a run. */
export function commandOf(root, run, args, env = process.env) {
  const { entry, program, args: own = [], fromCallersFolder } = RUNS[run];
  // npm moves to the project's folder and leaves the caller's in INIT_CWD; file names are meant from there.
  const cwd = fromCallersFolder && env.INIT_CWD && existsSync(env.INIT_CWD) ? env.INIT_CWD : root;
  if (program) return { argv: [path.join(root, program), ...own, ...args], cwd };
  return { argv: ['--import', import.meta.resolve('tsx'), path.join(root, entry), ...own, ...args], cwd };
}

/**
 * Runs Node in a child and ends as it ends: same exit code, 128 + n for a signal.
 *
 * A terminal's Ctrl-C reaches every process in front of it, so it is only passed on where there is no terminal: a
 * child that got it twice would stop at once instead of saving first.
 */
export function runNode(argv, { cwd, env }) {
  const child = spawn(process.execPath, argv, { cwd, env, stdio: 'inherit' });
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => terminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + (os.constants.signals[signal] ?? 0)));
  });
}
