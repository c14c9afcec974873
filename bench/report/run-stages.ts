import { LimitError, OutOfMemoryError } from '../../engine/index.ts';
import { RequestError } from '../../train/errors.ts';
import type { Journal, TaskRecord } from './journal.ts';
import type { Stage, Task, TaskContext } from './stage.ts';

export interface RunOptions {
  readonly journal: Journal;
  /** when to be done, in milliseconds of `now` */
  readonly deadline: number;
  readonly now: () => number;
  readonly say: (line: string) => void;
  /** after each stage that did something: what there is can be written down before a cut */
  readonly onStage: () => Promise<void>;
  /** what tasks are given, beside their time and their notes */
  readonly context: Pick<TaskContext, 'device' | 'release' | 'measured'>;
}

/** A task in which the process died so often is not begun again. */
const MOST_DEATHS = 2;

/**
 * Runs what no earlier run has finished, in order. A stage gets its share of the time that is left, so that what one
 * does not need goes to those behind it; a task that needs more than is left is left out, with a line that says so.
 * Where there is time in the end, what was left out has its turn again.
 */
export async function runStages(stages: readonly Stage[], options: RunOptions): Promise<void> {
  const { journal, say, deadline, now } = options;
  const statusOf = ({ id }: Task) => journal.record(id)?.status;
  for (const { name, tasks } of stages) {
    if (tasks.every((task) => statusOf(task) === 'done')) say(`${name}: finished before`);
  }
  await runOnce(stages, (task) => statusOf(task) !== 'done', options);
  const fits = (task: Task) => statusOf(task) === 'left out' && task.estimate <= (deadline - now()) / 1e3;
  for (let begun = 1; begun > 0 && stages.some(({ tasks }) => tasks.some(fits)); ) {
    begun = await runOnce(stages, fits, options);
  }
}

/** @returns how many tasks were begun */
async function runOnce(
  stages: readonly Stage[],
  chosen: (task: Task) => boolean,
  options: RunOptions,
): Promise<number> {
  const { deadline, now, say, onStage } = options;
  const open = stages.filter(({ tasks }) => tasks.some(chosen));
  let begun = 0;
  for (const [i, stage] of open.entries()) {
    const shares = open.slice(i).reduce((sum, { share }) => sum + share, 0);
    const end = now() + (Math.max(0, deadline - now()) * stage.share) / shares;
    const tasks = stage.tasks.filter(chosen);
    say(`${stage.name}: ${tasks.length} of ${stage.tasks.length} to do, ${((end - now()) / 1e3).toFixed(0)} s for it`);
    let out = 0;
    const before = begun;
    const waiting = [...tasks];
    const work = async () => {
      for (let task = waiting.shift(); task; task = waiting.shift()) {
        if (await runTask(task, end, options)) begun++;
        else out++;
      }
    };
    await Promise.all(Array.from({ length: stage.atOnce ?? 1 }, work));
    if (out > 0) say(`  left out for lack of time: ${out}`);
    if (begun > before) await onStage();
  }
  return begun;
}

/** @returns whether it was begun */
async function runTask(task: Task, end: number, options: RunOptions): Promise<boolean> {
  const { journal, now, say, context } = options;
  const left = (end - now()) / 1e3;
  if (left < task.estimate) {
    // what a run found before it was cut stays
    if (journal.record(task.id)?.found) return false;
    const note = `left out: it needs about ${Math.ceil(task.estimate)} s, and ${Math.max(0, Math.floor(left))} s were left`;
    journal.leaveOut(task.id, note);
    return false;
  }
  const finish = (record: TaskRecord) => {
    journal.end(task.id, record);
    for (const note of record.notes) say(`  ${task.id}: ${note}`);
    return true;
  };
  const deaths = journal.begin(task.id);
  if (deaths >= MOST_DEATHS) {
    return finish({ status: 'done', seconds: 0, notes: [`left out: the process ended in it ${deaths} times`] });
  }
  say(`  ${task.id}`);
  const notes: string[] = [];
  const start = now();
  const spent = () => (now() - start) / 1e3;
  try {
    const onRow = (row: Parameters<TaskContext['onRow']>[0]) => journal.addRow(row);
    const found = await task.run({ ...context, journal, seconds: left, onRow, note: (line) => notes.push(line) });
    const status = found?.cut === true ? 'left out' : found?.broke !== undefined ? 'failed' : 'done';
    return finish({ status, seconds: spent(), notes, found });
  } catch (error) {
    const { message } = error as Error;
    // what the device or the project cannot do, it cannot do next time either
    const known = [LimitError, OutOfMemoryError, RequestError].some((kind) => error instanceof kind);
    // tensors of a task that broke are nobody's
    context.release();
    const line = `${known ? 'left out' : 'failed'}: ${message.split('\n')[0]}`;
    return finish({ status: known ? 'done' : 'failed', seconds: spent(), notes: [...notes, line] });
  }
}
