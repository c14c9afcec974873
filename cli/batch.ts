/** Many files, one command: a bad file is reported, the rest go on, nothing is lost. */
import { EXIT, type ExitCode, exitCodeOf, explain } from './errors.ts';
import type { Progress } from './progress.ts';

export interface BatchResult {
  readonly done: number;
  readonly failed: number;
  /** 0, or the exit code of the first file that failed */
  readonly exitCode: ExitCode;
}

export interface BatchOptions {
  readonly progress: Progress;
  readonly report: (line: string) => void;
  readonly debug?: boolean | undefined;
  /** asked before each file; true leaves the rest undone */
  readonly stopped?: (() => boolean) | undefined;
}

/** Failures that concern one file; any other would only repeat itself with the next. */
const OF_ONE_FILE: ReadonlySet<ExitCode> = new Set([EXIT.usage, EXIT.data, EXIT.memory, EXIT.diverged]);

/**
 * Works through files one after another. What goes wrong with one is a line of the log, and the exit code in the end.
 *
 * @param work  does one file; it advances the progress itself, a failed file is advanced here
 * @throws what `work` throws when it does not concern this file alone: a lost device, a bug
 */
export async function runBatch(
  files: readonly string[],
  work: (file: string, index: number) => Promise<void>,
  options: BatchOptions,
): Promise<BatchResult> {
  let done = 0;
  let failed = 0;
  let exitCode: ExitCode = EXIT.done;
  for (const [index, file] of files.entries()) {
    if (options.stopped?.()) break;
    try {
      await work(file, index);
      done++;
    } catch (error) {
      const code = exitCodeOf(error);
      if (!OF_ONE_FILE.has(code)) throw error;
      failed++;
      if (exitCode === EXIT.done) exitCode = code;
      options.report(explain(error, options.debug).text);
      options.progress.advance(1, file);
    }
  }
  return { done, failed, exitCode };
}
