import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rooflineLine } from '../../cli/profile-table.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import type { Device } from '../../engine/index.ts';
import { RequestError } from '../../train/errors.ts';
import { environmentOf } from '../environment.ts';
import { shapesFor } from '../tune-shapes.ts';
import { openJournal } from './journal.ts';
import { kernelStage } from './kernel-stage.ts';
import { folderName, type Measured, measureAdapter, sourceDigest } from './measured.ts';
import { networkStage } from './network-stage.ts';
import { runStages } from './run-stages.ts';
import type { Stage, Task } from './stage.ts';
import { suitesStage } from './suites.ts';
import { torchStage } from './torch-stage.ts';
import { variantStage } from './variant-stage.ts';
import { writeReport } from './write-report.ts';

export interface ReportOptions {
  /** folder of reports; each adapter and commit has one of its own in it */
  readonly out: string;
  readonly golden: string | undefined;
  /** as `--device` of `miaobi` */
  readonly device: string | undefined;
  /** of tasks only those with one of these in their names */
  readonly filter: readonly string[];
  /** milliseconds since 1970 */
  readonly deadline: number;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** Runs every stage that is not finished yet, and writes the report of all that are. */
export async function report({ out, golden, device: name, filter, deadline }: ReportOptions): Promise<void> {
  let device: Device | undefined = await acquireDevice({ device: name });
  const { info, capabilities } = device;
  const environment = environmentOf(device, UNMEASURED);
  const journal = openJournal(join(out, folderName(environment, sourceDigest())));
  say(`Device: ${info.description}${info.software ? ' (software: sizes are reduced)' : ''}`);
  say(`Folder: ${journal.folder}`);

  const file = journal.file('environment.json');
  const measured: Measured = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : await measureAdapter(device);
  writeFileSync(file, `${JSON.stringify(measured, null, 1)}\n`);
  say(rooflineLine(measured.roofline));

  const types = capabilities.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);
  const all: Stage[] = [
    ...suitesStage(name, golden, info.software),
    kernelStage(info.software, types),
    networkStage(info.software, types),
    torchStage(info.software),
    variantStage(info.software, shapesFor(device, '')),
  ];
  const stages = tasksNamed(all, filter);
  const release = () => {
    device?.destroy();
    device = undefined;
  };
  const context = {
    measured: () => measured,
    device: async () => {
      device ??= await acquireDevice({ device: name });
      return device;
    },
    release,
  };
  const onStage = () => writeReport(journal, measured);
  await runStages(stages, { journal, deadline, now: Date.now, say, onStage, context });
  release();
  await writeReport(journal, measured);
  say(`Report: ${join(journal.folder, 'report.html')} and report.md. Send the folder ${journal.folder}.`);
}

/** @throws RequestError where no task has such a name */
export function tasksNamed(stages: readonly Stage[], filter: readonly string[]): Stage[] {
  const wanted = ({ id }: Task) => filter.some((text) => id.includes(text));
  const found = stages.map((stage) => ({ ...stage, tasks: stage.tasks.filter(wanted) }));
  const open = found.filter(({ tasks }) => tasks.length > 0);
  if (open.length === 0) {
    const names = stages.map(({ tasks }) => tasks[0]?.id).filter((id) => id !== undefined);
    throw new RequestError(
      `--filter ${filter}: expected part of a task's name, and none has this. Each stage has such: ${names.join('; ')}.`,
    );
  }
  return open;
}

const UNMEASURED = { bytesPerSecond: Number.NaN, flopsPerSecond: Number.NaN };
