import { spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { openPool, taskBeside, type WorkerPool, workersFor } from '../../train/data/workers/pool.ts';
import { runModule } from '../support/child.ts';
import type { Trick, TrickResult } from './tasks/tricks.ts';

const TRICKS = new URL('./tasks/tricks.ts', import.meta.url);
const opened: WorkerPool<never, unknown>[] = [];

function pool(workers: number): WorkerPool<Trick, TrickResult> {
  const one = openPool<Trick, TrickResult>(TRICKS, {
    workers,
    nameOf: (job) => ('file' in job ? job.file : job.kind),
  });
  opened.push(one as never);
  return one;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

describe('a pool of workers', () => {
  it('does jobs on as many threads as it may, and in process when it may have none', async () => {
    const jobs = Array.from({ length: 6 }, (_, value) => ({ kind: 'echo', value, waitMs: 30 }) as const);
    for (const workers of [0, 1, 2]) {
      const one = pool(workers);
      const results = await Promise.all(jobs.map((job) => one.run(job)));
      expect(results.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(results.every(({ main }) => main === (workers === 0))).toBe(true);
      expect(new Set(results.map(({ thread }) => thread)).size).toBe(Math.max(1, workers));
    }
  });

  it('moves buffers to the caller instead of copying them', async () => {
    const one = pool(1);
    const { buffer } = await one.run({ kind: 'give', bytes: 4096 });
    expect(new Uint8Array(buffer as ArrayBuffer)[4095]).toBe(42);
    expect((await one.run({ kind: 'left' })).left).toBe(0);
  });

  it.each([0, 2])('passes on what a job throws, and does the next (%i threads)', async (workers) => {
    const one = pool(workers);
    await expect(one.run({ kind: 'fail', file: 'a.png' })).rejects.toMatchObject({
      name: 'TrickError',
      message: 'a.png is not what it should be',
    });
    expect((await one.run({ kind: 'echo', value: 3 })).value).toBe(3);
  });

  it.each([
    ['crash', 'stack of cards fell'],
    ['exit', 'exit code 7'],
  ] as const)('names the file on which a thread died (%s), and works on', async (kind, reason) => {
    const one = pool(1);
    const fatal = one.run({ kind, file: 'albums/huge.tif' });
    const after = one.run({ kind: 'echo', value: 9 });
    await expect(fatal).rejects.toThrow(`albums/huge.tif: expected a worker thread to work through it`);
    await expect(fatal).rejects.toMatchObject({ name: 'WorkerDiedError', message: expect.stringContaining(reason) });
    expect((await after).value).toBe(9);
  });

  it.each([0, 1])('finishes what runs and drops the rest when it closes (%i threads)', async (workers) => {
    const one = pool(workers);
    await one.run({ kind: 'echo', value: 0 });
    const running = one.run({ kind: 'echo', value: 1, waitMs: 50 });
    const waiting = one.run({ kind: 'echo', value: 2 });
    const waited = expect(waiting).rejects.toThrow('closed');
    await new Promise((resolve) => setTimeout(resolve, 10));
    await one.close();
    expect((await running).value).toBe(1);
    await waited;
    await expect(one.run({ kind: 'echo', value: 3 })).rejects.toThrow('closed');
  });

  it('runs compiled tasks on threads that load no TypeScript', async () => {
    const one = openPool<number, { twice: number; loadsTypeScript: boolean }>(
      new URL('./tasks/plain.mjs', import.meta.url),
      { workers: 1, nameOf: String },
    );
    opened.push(one as never);
    const { twice, loadsTypeScript } = await one.run(21);
    expect(twice).toBe(42);
    const { typescript } = process.features as { typescript?: unknown }; // later Nodes read types by themselves
    expect(loadsTypeScript).toBe(Boolean(typescript));
    expect(taskBeside('file:///build/train/data/a.js', '../b').href).toBe('file:///build/train/b.js');
    expect(taskBeside('file:///src/train/data/a.ts', '../b').href).toBe('file:///src/train/b.ts');
  });
});

const PROGRAM = `
  const { openPool } = await import('./train/data/workers/pool.ts');
  const pool = openPool(new URL(${JSON.stringify(TRICKS.href)}), { workers: 1, nameOf: String });
  console.log(JSON.stringify(await pool.run({ kind: 'echo', value: 5 })));`;

describe('worker threads', () => {
  it('start under the loader of TypeScript given by a flag, and keep no process alive', async () => {
    const { code, stdout, stderr } = await runModule(PROGRAM);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ value: 5, main: false });
  });

  it('start under the loader registered by a program, as by bin/miaobi.js', async () => {
    const text = `const { register } = await import('tsx/esm/api'); register();${PROGRAM}`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', text], {
      cwd: new URL('../..', import.meta.url),
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += chunk));
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ value: 5, main: false });
  });

  it('are as many as two a picture, with a core left over', () => {
    expect(workersFor(2, 16)).toBe(4);
    expect(workersFor(2, 4)).toBe(3);
    expect(workersFor(8, 1)).toBe(1);
  });
});
