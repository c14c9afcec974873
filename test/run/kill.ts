import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Device } from '../../engine/index.ts';
import { generator } from '../support/samples.ts';
import { outcome, train } from './support.ts';
import { type ChildOrder, SCHEDULE, type Subject, trainingOf } from './train-child-order.ts';

const CHILD = fileURLToPath(new URL('./train-child.ts', import.meta.url));

export interface KilledChild {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly stderr: string;
  /** from its word "started" to "end" */
  readonly milliseconds: number;
}

/** Runs the child; `onLine` sees what it says as it says it. */
export function runChild(
  order: ChildOrder,
  onLine: (line: string, child: ChildProcess) => void = () => {},
): Promise<KilledChild> {
  const args = ['--import', import.meta.resolve('tsx'), CHILD, JSON.stringify(order)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let stderr = '';
  let rest = '';
  let [started, ended] = [0, 0];
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdout.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (line === 'started') started = performance.now();
      if (line.startsWith('end ')) ended = performance.now();
      lines.push(line);
      onLine(line, child);
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, lines, stderr, milliseconds: ended - started }));
  });
}

/** The training that is killed: long enough for an instant to fall anywhere, with a checkpoint every few steps. */
export const ORDER = { subject: { name: 'line' }, steps: 24, saveEvery: 4, delayMs: 15 } as const;

/** The same for GauGAN, whose steps take their time. */
export const gauganOrder = (data: string) =>
  ({ subject: { name: 'gaugan', data }, steps: 8, saveEvery: 2, delayMs: 0 }) as const;

export type Order = Pick<ChildOrder, 'subject' | 'steps' | 'saveEvery' | 'delayMs'>;

/** Kills the child some time after it started; it may have ended by itself before. */
export function killAfter(order: ChildOrder, milliseconds: number): Promise<KilledChild> {
  return runChild(order, (line, child) => {
    if (line === 'started') setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
}

/**
 * Kills one training after another, each a new one at an instant drawn uniformly over its whole length, resumes it and
 * compares what comes of it. Draws that fall after the end, for the machine was quicker, are drawn again.
 *
 * @returns one line a kill: seed, instant, and what it had said last
 */
export async function killUniformly(
  device: Device,
  runs: string,
  { kills, seed, order = ORDER }: { readonly kills: number; readonly seed: number; readonly order?: Order },
  check: (outcome: object, place: string) => void,
): Promise<string[]> {
  const random = generator(seed);
  const whole = await runChild({ ...order, runs, name: 'timed' });
  const places: string[] = [];
  for (let i = 0; places.length < kills && i < 3 * kills + 5; i++) {
    const milliseconds = random() * whole.milliseconds;
    const name = `killed-${i}`;
    const killed = await killAfter({ ...order, runs, name }, milliseconds);
    const place = `seed ${seed}, ${milliseconds.toFixed(1)} of ${whole.milliseconds.toFixed(0)} ms, after "${killed.lines.at(-1)}"`;
    if (killed.signal === 'SIGKILL') places.push(place);
    check(await resumeHere(device, runs, name, order), place);
  }
  return places;
}

/** Resumes a killed run in this process and gives what came of it. */
export async function resumeHere(device: Device, runs: string, name: string, order: Order = ORDER): Promise<object> {
  return trainHere(device, { runs, name, resume: true }, order);
}

/** The same training without interruption. */
export async function undisturbed(device: Device, runs: string, order: Order = ORDER): Promise<object> {
  return trainHere(device, { runs, name: 'whole' }, order);
}

async function trainHere(
  device: Device,
  place: { readonly runs: string; readonly name: string; readonly resume?: true },
  { subject, steps, saveEvery }: Order,
): Promise<object> {
  await train(device, await trainingOf(device, subject, { steps }), { ...place, schedule: { ...SCHEDULE, saveEvery } });
  return outcome(`${place.runs}/${place.name}`);
}

export type { Subject };
