/** Worker threads that do one kind of job each to its end, and the same work in process where there are none. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** What a task module exports as `run`. Buffers named in `transfer` move to the caller instead of being copied. */
export type Task<Job, Result> = (job: Job) => Promise<{
  readonly result: Result;
  readonly transfer: readonly ArrayBuffer[];
}>;

export interface WorkerPool<Job, Result> {
  /**
   * Does a job on the next free thread. Jobs begin in the order in which they were given; what a job throws, its
   * promise rejects with, under the same name.
   *
   * @throws WorkerDiedError when the thread ends before the job does; a new thread takes the jobs after it
   */
  run(job: Job): Promise<Result>;
  /** Waits for the jobs that run, drops those that have not begun, and ends the threads. */
  close(): Promise<void>;
}

export interface PoolOptions<Job> {
  /** threads at most; 0 does the jobs in this process. Threads start with the first jobs */
  readonly workers: number;
  /** what to call a job when its thread dies: the file that it reads */
  readonly nameOf: (job: Job) => string;
}

/** A worker thread that ended in the middle of a job. */
export class WorkerDiedError extends Error {
  override name = 'WorkerDiedError';
}

/** Threads for a batch of pictures where nobody says how many: two a picture as in the originals, one core left over. */
export function workersFor(batchSize: number, cores = availableParallelism()): number {
  return Math.max(1, Math.min(2 * batchSize, cores - 1));
}

/** The URL of a module beside the caller's, as TypeScript or compiled, whichever the caller is. */
export function taskBeside(callerUrl: string, name: string): URL {
  return new URL(`./${name}${callerUrl.endsWith('.ts') ? '.ts' : '.js'}`, callerUrl);
}

/**
 * Opens a pool for one task.
 *
 * @param task  URL of the module whose `run` is a {@link Task}
 */
export function openPool<Job, Result>(task: URL, options: PoolOptions<Job>): WorkerPool<Job, Result> {
  return options.workers === 0 ? inProcess(task) : threads(task, options);
}

function inProcess<Job, Result>(task: URL): WorkerPool<Job, Result> {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const one = async (job: Job): Promise<Result> => {
    if (closed) throw closedError();
    const { run } = (await import(task.href)) as { run: Task<Job, Result> };
    return (await run(job)).result;
  };
  return {
    run(job) {
      const done = last.then(() => one(job));
      last = done.catch(() => {});
      return done;
    },
    async close() {
      closed = true;
      await last;
    },
  };
}

interface Pending<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

interface Thread<Job, Result> {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  current: Pending<Job, Result> | undefined;
}

type Reply<Result> =
  | { readonly result: Result }
  | { readonly error: { name: string; message: string; stack?: string } };

function threads<Job, Result>(task: URL, { workers, nameOf }: PoolOptions<Job>): WorkerPool<Job, Result> {
  const all = new Set<Thread<Job, Result>>();
  const queue: Pending<Job, Result>[] = [];
  let closed = false;

  const next = (thread: Thread<Job, Result>): void => {
    thread.current = queue.shift();
    if (thread.current) {
      thread.worker.ref();
      thread.worker.postMessage({ job: thread.current.job });
    } else if (closed) thread.worker.postMessage('close');
    else thread.worker.unref(); // an idle thread keeps no process alive
  };

  const start = (): Thread<Job, Result> => {
    // without the flags of this process: they may hold a loader that does not work on threads
    const worker = new Worker(new URL('./thread.mjs', import.meta.url), {
      workerData: { task: task.href },
      execArgv: [],
    });
    let cause: Error | undefined;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const thread: Thread<Job, Result> = { worker, ended, current: undefined };
    worker.on('message', (reply: Reply<Result>) => {
      const pending = thread.current;
      if ('error' in reply) pending?.reject(Object.assign(new Error(reply.error.message), reply.error));
      else pending?.resolve(reply.result);
      next(thread);
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      all.delete(thread);
      thread.current?.reject(died(nameOf(thread.current.job), cause, code));
      thread.current = undefined;
      dispatch();
    });
    all.add(thread);
    return thread;
  };

  const dispatch = (): void => {
    while (queue.length > 0) {
      const idle = [...all].find((thread) => thread.current === undefined);
      if (!idle && all.size >= workers) return;
      next(idle ?? start());
    }
  };

  return {
    run(job) {
      return new Promise((resolve, reject) => {
        if (closed) {
          reject(closedError());
          return;
        }
        queue.push({ job, resolve, reject });
        dispatch();
      });
    },
    async close() {
      closed = true;
      for (const { reject } of queue.splice(0)) reject(closedError());
      const ends = [...all].map((thread) => {
        thread.worker.ref();
        if (thread.current === undefined) thread.worker.postMessage('close');
        return thread.ended;
      });
      await Promise.all(ends);
    },
  };
}

function died(name: string, cause: Error | undefined, code: number): WorkerDiedError {
  const reason = cause ? cause.message.split('\n')[0] : `exit code ${code}`;
  return new WorkerDiedError(
    `${name}: expected a worker thread to work through it, but the thread ended (${reason}). ` +
      'Look whether the file is damaged or far too large and take it out, or give --workers 0 to see the error itself.',
    { cause },
  );
}

const closedError = () => new Error('The worker pool is closed.');
