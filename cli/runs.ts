/** `miaobi runs`: what trainings came to. */
import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import type { Curve } from '../train/run/curves.ts';
import type { RunDescription } from '../train/run/describe-run.ts';
import { CliError } from './errors.ts';
import { globalsOf, logOf, numberIn } from './options.ts';
import { printTable } from './runs-tables.ts';

interface RunsFlags {
  readonly runs: string;
  readonly metric?: string;
  readonly smooth: number;
  readonly output?: string;
}

export function registerRuns(program: Command): void {
  const runs = program.command('runs').description('list, show, plot and compare trainings');
  const shared = (command: Command) => command.option('--runs <dir>', 'folder of all runs', './runs');
  const measured = (command: Command) =>
    shared(command)
      .option('--metric <name>', 'which curve; all of them, or the losses, by default')
      .option('--smooth <0..1>', 'weight of the past in the mean that is shown', numberIn(0, 0.999), 0.6);
  measured(runs.command('list').description('every run, with how far it came')).action((flags: RunsFlags, self) =>
    list(flags, self),
  );
  shared(
    runs.command('show').description('one run; report.html is made anew').argument('<run>', 'name or folder'),
  ).action((run: string, flags: RunsFlags, self) => show(run, flags, self));
  measured(runs.command('plot').description('curves as PNG files').argument('<run...>', 'names or folders'))
    .option('-o, --output <file>', 'one PNG of --metric for all the runs; left out: plots/ in each run')
    .action((names: string[], flags: RunsFlags, self) => plot(names, flags, self));
  measured(runs.command('compare').description('runs side by side').argument('<run...>', 'names or folders')).action(
    (names: string[], flags: RunsFlags, self) => compare(names, flags, self),
  );
}

async function list(flags: RunsFlags, command: Command): Promise<void> {
  const { isRunFolder } = await import('../train/run/describe-run.ts');
  const names = await readdir(flags.runs).catch(() => [] as string[]);
  const found: RunDescription[] = [];
  for (const name of names.sort()) {
    const path = join(flags.runs, name);
    if (await isRunFolder(path)) found.push(await describe(path, flags));
  }
  if (found.length === 0) logOf(globalsOf(command)).info(`${flags.runs}: no runs yet. Start one with: miaobi train`);
  const rows = await Promise.all(found.map(async (run) => ({ ...facts(run), ...(await ends(run, flags)) })));
  printTable(rows, globalsOf(command));
}

async function show(name: string, flags: RunsFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const { writeReport } = await import('../train/run/report.ts');
  const { curvesOf, finalValue } = await import('../train/run/curves.ts');
  const run = await describe(name, flags);
  const report = await writeReport(run.path);
  const { config, environment, latest, best, checkpoints } = run;
  if (globals.json) {
    const curves = Object.fromEntries(
      curvesOf(run.metrics, run.evaluations).map((curve) => [curve.name, finalValue(curve)]),
    );
    const all = { ...facts(run), latest, best, checkpoints, final: curves, config, environment, report };
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const adapter = typeof environment.adapter === 'string' ? { adapter: environment.adapter } : {};
  const lines = { ...facts(run), checkpoints: checkpoints.join(' '), best: best?.step ?? '', ...adapter, report };
  printTable(
    Object.entries(lines).map(([fact, value]) => ({ fact, value })),
    globals,
  );
  const rows = curvesOf(run.metrics, run.evaluations).map((curve) => row(curve, finalValue(curve)));
  printTable(rows, globals);
}

const row = ({ name, values }: Curve, end: number) => ({
  curve: name,
  first: values[0],
  end,
  least: values.reduce((a, b) => Math.min(a, b)),
});

async function plot(names: readonly string[], flags: RunsFlags, command: Command): Promise<void> {
  const { curvesOf } = await import('../train/run/curves.ts');
  const { writePlots } = await import('../train/run/report.ts');
  const runs = await Promise.all(names.map((name) => describe(name, flags)));
  const chosen = runs.map((run) => pick(run, curvesOf(run.metrics, run.evaluations), flags.metric));
  const written: string[] = [];
  if (flags.output === undefined) {
    for (const [i, run] of runs.entries()) written.push(...(await writePlots(run.path, chosen[i], flags.smooth)));
  } else {
    const { plotPng } = await import('../train/run/plot.ts');
    const { writeText } = await import('../train/run/folder.ts');
    if (flags.metric === undefined) throw new CliError('-o: expected --metric NAME with it, the curve of the picture.');
    const curves = runs.map((run, i) => ({ ...chosen[i][0], name: run.name }));
    await writeText(flags.output, await plotPng(curves, { title: flags.metric, smooth: flags.smooth }));
    written.push(flags.output);
  }
  const text = globalsOf(command).json ? JSON.stringify(written, null, 2) : written.join('\n');
  process.stdout.write(`${text}\n`);
}

async function compare(names: readonly string[], flags: RunsFlags, command: Command): Promise<void> {
  const runs = await Promise.all(names.map((name) => describe(name, flags)));
  const rows = await Promise.all(runs.map(async (run) => ({ ...facts(run), ...(await ends(run, flags)) })));
  const differing = Object.keys(Object.assign({}, ...runs.map(({ config }) => config))).filter(
    (key) => new Set(runs.map(({ config }) => JSON.stringify(config[key]))).size > 1,
  );
  const options = (run: RunDescription) =>
    Object.fromEntries(differing.map((key) => [`--${key}`, String(run.config[key] ?? '')]));
  printTable(
    rows.map((one, i) => ({ ...one, ...options(runs[i]) })),
    globalsOf(command),
  );
}

async function describe(name: string, flags: RunsFlags): Promise<RunDescription> {
  const { describeRun, isRunFolder } = await import('../train/run/describe-run.ts');
  const inRuns = join(flags.runs, name);
  return describeRun(!isAbsolute(name) && (await isRunFolder(inRuns)) ? inRuns : name);
}

/** What is known of a run without its curves. */
function facts({ name, model, status, step, totalSteps, started, metrics }: RunDescription) {
  const speed = metrics.at(-1)?.img_per_s;
  return {
    run: name,
    model,
    status,
    step,
    of: totalSteps ?? '',
    'img/s': speed ?? '',
    started: started ? started.toISOString().slice(0, 16).replace('T', ' ') : '',
  };
}

/** Where the curves of a run ended, smoothed: one column each. */
async function ends(run: RunDescription, { metric, smooth: weight }: RunsFlags): Promise<Record<string, number>> {
  const { curvesOf, isExact, smooth } = await import('../train/run/curves.ts');
  const curves = curvesOf(run.metrics, run.evaluations).filter(({ name }) =>
    metric === undefined ? name !== 'img_per_s' : name === metric,
  );
  const end = (curve: Curve) => smooth(curve.values, isExact(curve) ? 0 : weight).at(-1) as number;
  return Object.fromEntries(curves.map((curve) => [curve.name, end(curve)]));
}

/** @throws CliError when a run has no such curve */
function pick(run: RunDescription, curves: readonly Curve[], metric: string | undefined): readonly Curve[] {
  const chosen = curves.filter(({ name }) => metric === undefined || name === metric);
  if (chosen.length > 0) return chosen;
  const known = curves.map(({ name }) => name).join(', ') || 'none yet';
  throw new CliError(`--metric ${metric ?? ''}: expected a curve of ${run.name}, which has: ${known}.`);
}
