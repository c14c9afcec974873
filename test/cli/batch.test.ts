import { expect, it } from 'vitest';
import { runBatch } from '../../cli/batch.ts';
import { DeviceLostError } from '../../engine/errors.ts';
import { DataError, RequestError } from '../../train/errors.ts';

function session(failures: Record<string, Error>) {
  const worked: string[] = [];
  const reported: string[] = [];
  let advanced = 0;
  const progress = { advance: (items: number) => void (advanced += items), note: () => {}, finish: () => {} };
  const work = async (file: string) => {
    if (failures[file]) throw failures[file];
    worked.push(file);
    progress.advance(1);
  };
  const run = () => runBatch(['a', 'b', 'c'], work, { progress, report: (line) => void reported.push(line) });
  return { run, worked, reported, advanced: () => advanced };
}

it('reports a bad file and goes on with the rest', async () => {
  const { run, worked, reported, advanced } = session({
    a: new DataError('a: broken'),
    c: new RequestError('c: gone'),
  });
  expect(await run()).toEqual({ done: 1, failed: 2, exitCode: 4 });
  expect([worked, reported, advanced()]).toEqual([['b'], ['error: a: broken', 'error: c: gone'], 3]);
});

it('ends with 0 when all went well', async () => {
  expect(await session({}).run()).toEqual({ done: 3, failed: 0, exitCode: 0 });
});

it('stops at what would only repeat itself', async () => {
  const { run, worked } = session({ b: new DeviceLostError('gone') });
  await expect(run()).rejects.toThrow(DeviceLostError);
  expect(worked).toEqual(['a']);
  await expect(session({ a: new TypeError('bug') }).run()).rejects.toThrow(TypeError);
});
