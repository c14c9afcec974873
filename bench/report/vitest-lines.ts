import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/** What is known of a test that ended. */
export interface TestLine {
  readonly name: string;
  readonly state: string;
  readonly seconds?: number;
  /** the beginning of what a test that failed said */
  readonly error?: string;
}

/** Begins a line on stderr that says why tests were not run to the end. */
export const NOT_RUN = 'not run to the end:';

const MOST_OF_AN_ERROR = 1000;

/**
 * A reporter of vitest that prints a line of JSON a test as it ends, so that what was tested stays after a cut, and on
 * stderr what kept tests from running at all. Tests that a filter leaves out have no line.
 */
export default class implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const took = test.diagnostic()?.duration;
    const { state, errors } = test.result();
    if (state === 'skipped' && took === undefined) return;
    const error = errors?.[0]?.message?.slice(0, MOST_OF_AN_ERROR);
    const line: TestLine = {
      ...{ name: test.fullName, state },
      ...(took === undefined ? {} : { seconds: Number((took / 1e3).toPrecision(3)) }),
      ...(error === undefined ? {} : { error }),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const errors = [...modules.flatMap((one) => one.errors()), ...unhandled];
    for (const { message } of errors) process.stderr.write(`${NOT_RUN} ${message}\n`);
  }
}
