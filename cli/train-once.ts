/** One training on a device, with what the user sees of it. */
import type { Device } from '../engine/index.ts';
import type { System, TrainSettings } from '../train/recipes/system.ts';
import type { IntervalReport } from '../train/run/interval.ts';
import type { RunPlan } from '../train/run/plan.ts';
import type { SessionResult } from '../train/run/session.ts';
import { listenForStop } from './interrupt.ts';
import type { Log } from './log.ts';
import type { Globals } from './options.ts';
import { formatSeconds, type Progress, startProgress } from './progress.ts';
import type { TrainFlags } from './train.ts';

export interface TrainOrder {
  readonly system: System;
  readonly settings: TrainSettings;
  readonly flags: TrainFlags;
  readonly plan: RunPlan;
  readonly config: Readonly<Record<string, unknown>>;
  readonly globals: Globals;
  readonly log: Log;
}

/** Trains, and sets the exit code when it was interrupted. */
export async function trainOnce(order: TrainOrder): Promise<void> {
  const { system, settings, flags, globals, log } = order;
  const { acquireDevice } = await import('../engine/device/node.ts');
  const budgetBytes = flags.memoryLimit === undefined ? undefined : flags.memoryLimit * 2 ** 20;
  const device = await acquireDevice({ device: globals.device, backend: globals.backend, budgetBytes });
  try {
    log.info(`Device: ${device.info.description}${device.info.software ? ' (software: slow)' : ''}`);
    const training = await system.make(device, settings, (line) => log.warn(line));
    try {
      await watch(order, device, training);
    } finally {
      await training.loader.close();
      training.recipe.dispose();
    }
  } finally {
    device.destroy();
  }
}

async function watch(order: TrainOrder, device: Device, training: Awaited<ReturnType<System['make']>>): Promise<void> {
  const { flags, plan, config, globals, log } = order;
  const { runSession } = await import('../train/run/session.ts');
  const { runEnvironment } = await import('./run-environment.ts');
  let progress: Progress | undefined;
  const say = (line: string) => (progress ? progress.note(line) : log.info(line));
  const stop = listenForStop(say);
  try {
    const result = await runSession(training, {
      device,
      plan,
      facts: {
        config,
        command: commandLine(process.argv.slice(2)),
        environment: await runEnvironment(device, globals),
      },
      schedule: flags,
      from: plan.mode === 'resume' ? undefined : flags.from,
      tensorboard: flags.tensorboard,
      report: flags.report,
      dryRun: globals.dryRun,
      stopRequested: stop.requested,
      say,
      warn: (line) => log.warn(line),
      onStart: async ({ step }, total) => {
        log.info(`Run: ${plan.path}, step ${step} of ${total}`);
        if (log.stream.isTTY) progress = await startProgress({ total: total - step, log, unit: 'step' });
      },
      onStep: () => progress?.advance(1),
      onInterval: (report) => say(intervalLine(report)),
    });
    progress?.finish();
    progress = undefined;
    if (result) end(result, order, stop.exitCode());
  } finally {
    progress?.finish();
    stop.dispose();
  }
}

function end(result: SessionResult, { plan, globals, log }: TrainOrder, exitCode: number): void {
  const { step, skipped } = result.progress;
  const facts = { run: plan.path, end: result.end, step, skipped, checkpoint: result.checkpoint?.path };
  const { forecastBytes, peakBytes, report } = result;
  if (report !== undefined) log.info(`Report: ${report}`);
  if (result.end === 'interrupted') {
    log.info(`Stopped at step ${step}, saved. Go on with: miaobi train --resume ${plan.path}`);
    process.exitCode = exitCode;
  } else log.info(`Finished at step ${step}${skipped > 0 ? `, ${skipped} batches skipped` : ''}.`);
  const text = globals.json ? JSON.stringify({ ...facts, forecastBytes, peakBytes, report }, null, 2) : plan.path;
  process.stdout.write(`${text}\n`);
}

/** `step 1200/160000  lap 0.121  rec 0.0542  lr 9.43e-5  3.21 img/s, 13 h 44 min left` */
export function intervalLine({ step, total, losses, lr, imagesPerSecond, secondsLeft }: IntervalReport): string {
  const values = Object.entries(losses).map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
  const left = step < total ? `, ${formatSeconds(secondsLeft)} left` : '';
  const speed = `${Number(imagesPerSecond.toPrecision(3))} img/s${left}`;
  return [`step ${step}/${total}`, ...values, `lr ${Number(lr.toPrecision(3))}`, speed].join('  ');
}

/** Arguments as a shell would take them. */
export function commandLine(argv: readonly string[]): string {
  const quoted = argv.map((one) => (/^[\w./:=@%+,-]+$/.test(one) ? one : `'${one.replaceAll("'", "'\\''")}'`));
  return ['miaobi', ...quoted].join(' ');
}
