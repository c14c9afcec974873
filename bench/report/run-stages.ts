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
  /** what tasks are given, beside their time and their notes */
  readonly context: Pick<TaskContext, 'device' | 'measured'>;
  /** the device is not to be used again */
  readonly lost: () => void;
}

/** A task in which the process died so often is not begun again. */
const MOST_DEATHS = 2;

/**
 * Runs what no earlier run has finished, in order. A stage gets its share of the time that is left, so that what one
 * does not need goes to those behind it; a task that needs more than is left is left out, with a line that says so.
 */
export async function runStages(stages: readonly Stage[], options: RunOptions): Promise<void> {
  const { journal, deadline, now, say } = options;
  const unfinished = (task: Task) => journal.record(task.id)?.status !== 'done';
  const open = stages.filter(({ tasks }) => tasks.some(unfinished));
  for (const stage of stages.filter((one) => !open.includes(one))) say(`${stage.name}: finished before`);
  for (const [i, stage] of open.entries()) {
    const shares = open.slice(i).reduce((sum, { share }) => sum + share, 0);
    const end = now() + (Math.max(0, deadline - now()) * stage.share) / shares;
    const tasks = stage.tasks.filter(unfinished);
    say(`${stage.name}: ${tasks.length} of ${stage.tasks.length} to do, ${((end - now()) / 1e3).toFixed(0)} s for it`);
    for (const task of tasks) await runTask(task, end, options);
  }
}

async function runTask(task: Task, end: number, options: RunOptions): Promise<void> {
  const { journal, now, say, context, lost } = options;
  const left = (end - now()) / 1e3;
  const finish = (record: TaskRecord) => {
    journal.end(task.id, record);
    for (const note of record.notes) say(`  ${task.id}: ${note}`);
  };
  if (left < task.estimate) {
    const note = `left out: it needs about ${Math.ceil(task.estimate)} s, and ${Math.max(0, Math.floor(left))} s were left`;
    finish({ status: 'left out', seconds: 0, notes: [note] });
    return;
  }
  const deaths = journal.begin(task.id);
  if (deaths >= MOST_DEATHS) {
    finish({ status: 'done', seconds: 0, notes: [`left out: the process ended in it ${deaths} times`] });
    return;
  }
  say(`  ${task.id}`);
  const notes: string[] = [];
  const start = now();
  const spent = () => (now() - start) / 1e3;
  try {
    const onRow = (row: Parameters<TaskContext['onRow']>[0]) => journal.addRow(row);
    const found = await task.run({ ...context, journal, seconds: left, onRow, note: (line) => notes.push(line) });
    const cut = found?.cut === true;
    finish({ status: cut ? 'left out' : 'done', seconds: spent(), notes, found });
  } catch (error) {
    const { message } = error as Error;
    // what the device or the project cannot do, it cannot do next time either
    const known = [LimitError, OutOfMemoryError, RequestError].some((kind) => error instanceof kind);
    // tensors of a task that broke are nobody's
    lost();
    const line = `${known ? 'left out' : 'failed'}: ${message.split('\n')[0]}`;
    finish({ status: known ? 'done' : 'failed', seconds: spent(), notes: [...notes, line] });
  }
}
