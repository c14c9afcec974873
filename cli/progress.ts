/** How far a batch has come: a bar on a terminal, else a line now and then; on stderr, silent with --quiet. */
import type { MultiBar, SingleBar } from 'cli-progress';
import type { Log } from './log.ts';

export interface ProgressOptions {
  /** how many items there are */
  readonly total: number;
  readonly log: Log;
  /** what an item is called; img */
  readonly unit?: string;
  /** between two lines where there is no terminal; 10 s */
  readonly intervalMs?: number;
  /** milliseconds; for tests */
  readonly now?: () => number;
}

export interface Progress {
  /** `items` more are done (fractions count); `label` says what is being worked on */
  advance(items: number, label?: string): void;
  /** a line of the log that does not tear the bar */
  note(line: string): void;
  /** leaves the last state standing */
  finish(): void;
}

export async function startProgress(options: ProgressOptions): Promise<Progress> {
  if (options.log.quiet) return { advance: () => {}, note: () => {}, finish: () => {} };
  return options.log.stream.isTTY ? barProgress(options) : lineProgress(options);
}

interface Count {
  readonly done: number;
  readonly seconds: number;
}

/** `0.52 img/s, 37 s left`; nothing to say before the first item. */
export function describeRate({ done, seconds }: Count, total: number, unit: string): string {
  if (done <= 0 || seconds <= 0) return 'starting';
  const rate = done / seconds;
  const speed = rate >= 0.1 ? `${rate.toPrecision(3)} ${unit}/s` : `${formatSeconds(1 / rate)}/${unit}`;
  return done >= total ? speed : `${speed}, ${formatSeconds((total - done) / rate)} left`;
}

/** `8.4 s`, `47 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 100) return `${whole} s`;
  if (whole < 5970) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function lineProgress(options: ProgressOptions): Progress {
  const { total, log, unit = 'img', intervalMs = 10_000, now = Date.now } = options;
  const start = now();
  let last = start;
  let done = 0;
  const count = () => `${Number(done.toFixed(1))}/${total} ${unit}`;
  return {
    advance(items, label) {
      done = Math.min(done + items, total);
      if (now() - last < intervalMs) return;
      last = now();
      const rate = describeRate({ done, seconds: (last - start) / 1000 }, total, unit);
      log.info(`${count()}, ${rate}${label ? `, ${label}` : ''}`);
    },
    note: (line) => log.info(line),
    finish() {
      const seconds = (now() - start) / 1000;
      log.info(`${count()} in ${formatSeconds(seconds)} (${describeRate({ done, seconds }, done, unit)})`);
    },
  };
}

async function barProgress(options: ProgressOptions): Promise<Progress> {
  const { total, log, unit = 'img', now = Date.now } = options;
  const { default: cliProgress } = await import('cli-progress');
  const start = now();
  const bars: MultiBar = new cliProgress.MultiBar({
    stream: log.stream,
    format: `{bar} {percentage}% | {shown}/{total} ${unit} | {rate} | {label}`,
    hideCursor: true,
    clearOnComplete: false,
    fps: 8,
  });
  const bar: SingleBar = bars.create(total, 0, { shown: 0, rate: 'starting', label: '' });
  let done = 0;
  return {
    advance(items, label) {
      done = Math.min(done + items, total);
      const rate = describeRate({ done, seconds: (now() - start) / 1000 }, total, unit);
      bar.update(done, { shown: Math.floor(done + 1e-9), rate, ...(label === undefined ? {} : { label }) });
    },
    note: (line) => bars.log(`${line}\n`),
    finish: () => bars.stop(),
  };
}
