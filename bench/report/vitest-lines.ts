import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase } from 'vitest/node';

/** A reporter of vitest that writes a line of JSON a test as it ends, so that what was tested stays after a cut. */
export default class implements Reporter {
  readonly #file = process.env.MIAOBI_TEST_LINES as string;

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    const error = errors?.[0]?.message?.slice(0, 500);
    appendFileSync(this.#file, `${JSON.stringify({ name: test.fullName, state, error })}\n`);
  }
}
