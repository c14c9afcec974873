import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ChildOptions, linesOfChild } from '../child.ts';
import type { Environment } from '../environment.ts';
import { timesOf } from '../row.ts';
import { summarize } from '../statistics.ts';
import type { PeerCase } from './cases.ts';
import { type PeerRow, titleOfCase } from './peer-row.ts';

const PYTHONS = ['python3', '/usr/bin/python3', 'python'];

export const TIME_TORCH = fileURLToPath(new URL('./time_torch.py', import.meta.url));

/** What a script says of itself in its first line. */
export interface TorchVersion {
  readonly version: string;
  readonly threads: number;
  /** version and card; null where there is no CUDA */
  readonly cuda: string | null;
  readonly name: string | null;
}

/** What it says of a case: its times, or why there are none. */
export interface TorchCase {
  readonly seconds?: readonly number[];
  /** seconds of its process on cores */
  readonly cpu?: readonly number[];
  readonly error?: string;
  /** no time was left for it */
  readonly left?: boolean;
}

export interface TorchProbe {
  readonly python: string;
  readonly cuda: boolean;
  /** of the card */
  readonly name: string | null;
}

const PROBE = `
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({"cuda": cuda, "name": torch.cuda.get_device_name() if cuda else None}))
`;

/** A Python that has torch, one with CUDA before others. */
export function probeTorch(): TorchProbe | undefined {
  const found: TorchProbe[] = [];
  for (const python of PYTHONS) {
    const { status, stdout } = spawnSync(python, ['-c', PROBE], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (status !== 0) continue;
    const probe: TorchProbe = { python, ...JSON.parse(stdout) };
    if (probe.cuda) return probe;
    found.push(probe);
  }
  return found[0];
}

/** Times the cases in PyTorch on the CPU, on numbers of its own: they are not compared. */
export async function timeTorch(
  python: string,
  cases: readonly PeerCase[],
  { seconds, environment }: { seconds: number; environment: Environment },
): Promise<PeerRow[]> {
  const rows: PeerRow[] = [];
  const task = { seconds, cases: cases.map(({ work }) => ({ work })) };
  await askTorch(python, TIME_TORCH, task, {}, ({ version }, found, i) => {
    const name = { suite: 'peers' as const, ...titleOfCase(cases[i], 'torch, CPU'), version, ...environment };
    if (!found.seconds || !found.cpu) {
      rows.push({ ...name, status: 'failed', reason: found.error ?? 'no time was left' });
      return;
    }
    const times = summarize(found.seconds);
    const { flops } = cases[i];
    rows.push({
      ...{ ...name, clock: 'wall', ...timesOf(times), cpuUs: summarize(found.cpu).median * 1e6 },
      ...(flops > 0 ? { gflops: flops / times.median / 1e9 } : {}),
    });
  });
  return rows;
}

/**
 * Gives a script its task, and hands on what it says of each case, as it says it.
 *
 * @returns whether it came to its end before its time was over
 * @throws Error when the script fails
 */
export async function askTorch<Case extends TorchCase>(
  python: string,
  script: string,
  task: object,
  options: Pick<ChildOptions, 'seconds'>,
  onCase: (version: TorchVersion, found: Case, index: number) => void,
): Promise<boolean> {
  let version: TorchVersion | undefined;
  let index = 0;
  const onLine = (line: string) => {
    const said = JSON.parse(line);
    if (version) onCase(version, said, index++);
    else version = said;
  };
  const { code, cut, stderr } = await linesOfChild(python, [script], {
    ...{ ...options, onLine, input: JSON.stringify(task) },
  });
  if (cut) return false;
  if (code !== 0)
    throw new Error(`${script} ended with exit code ${code}: ${stderr.trim().split('\n').slice(-2).join(' | ')}`);
  return true;
}
