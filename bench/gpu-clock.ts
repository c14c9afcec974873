/** What a card of NVIDIA's says of its clock while it is timed. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Device } from '../engine/index.ts';

const EVERY_MS = 200;

let latest: number | undefined;
let child: ChildProcess | undefined;

/**
 * Has `nvidia-smi` tell the clock of the first card five times a second, in a process of its own that reads beside what is
 * timed and asks the GPU for nothing. Without the tool, and on other adapters, nothing is told.
 */
export function watchClock({ info }: Pick<Device, 'info'>): void {
  if (info.software || info.vendor !== 'nvidia' || child) return;
  const query = ['--id=0', '--query-gpu=clocks.sm', '--format=csv,noheader,nounits', `-lms`, String(EVERY_MS)];
  child = spawn('nvidia-smi', query, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.unref();
  child.on('error', () => {});
  child.stdout?.on('data', (text) => {
    const mhz = Number(String(text).trim().split('\n').at(-1));
    if (mhz > 0) latest = mhz;
  });
  (child.stdout as unknown as { unref?: () => void })?.unref?.();
  process.once('exit', () => child?.kill());
}

/** The clock as it was told last, for a row. */
export const clockFact = (): { readonly mhz?: number } => (latest === undefined ? {} : { mhz: latest });
