import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../environment.ts';
import { timesOf } from '../row.ts';
import { summarize } from '../statistics.ts';
import type { PeerCase } from './cases.ts';
import { type PeerRow, titleOfCase } from './peer-row.ts';

const PYTHONS = ['python3', '/usr/bin/python3'];

/** A Python that has torch. */
export function pythonWithTorch(): string | undefined {
  return PYTHONS.find((python) => spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0);
}

/** Times the cases in PyTorch on the CPU, on numbers of its own: they are not compared. */
export async function timeTorch(
  python: string,
  cases: readonly PeerCase[],
  { seconds, environment }: { seconds: number; environment: Environment },
): Promise<PeerRow[]> {
  const lines = await linesOf(python, JSON.stringify({ seconds, cases: cases.map(({ work }) => ({ work })) }));
  const [{ version }, ...found] = lines.map((line) => JSON.parse(line));
  return (found as { seconds: number[]; cpu: number[] }[]).map(({ seconds, cpu }, i) => {
    const times = summarize(seconds);
    const { flops } = cases[i];
    return {
      ...{ suite: 'peers', ...titleOfCase(cases[i], 'torch, CPU'), version, ...environment },
      ...{ clock: 'wall', ...timesOf(times), cpuUs: summarize(cpu).median * 1e6 },
      ...(flops > 0 ? { gflops: flops / times.median / 1e9 } : {}),
    };
  });
}

function linesOf(python: string, input: string): Promise<string[]> {
  const script = fileURLToPath(new URL('./time_torch.py', import.meta.url));
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(input);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output.trim().split('\n')) : reject(new Error(`time_torch.py ended with exit code ${code}`)),
    );
  });
}
