/** What is said about files that a training cannot use. */
import { DataError } from '../../errors.ts';
import type { BadFile } from '../workers/inspect-task.ts';

/** Sentences of a message; what is beyond is counted. */
const SHOWN = 5;

/** @throws DataError that names the first of the files, when there are any */
export function refuseWrongFiles(wrong: readonly BadFile[]): void {
  if (wrong.length === 0) return;
  const lines = wrong.slice(0, SHOWN).map(({ reason }) => reason);
  if (wrong.length > SHOWN) {
    lines.push(
      `And ${wrong.length - SHOWN === 1 ? 'another file is' : `${wrong.length - SHOWN} other files are`} like that. List them all with: ` +
        'miaobi data check DATA --model gaugan --fix-list bad.txt',
    );
  }
  throw new DataError(lines.join('\n'));
}
