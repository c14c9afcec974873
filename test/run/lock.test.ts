import { spawnSync } from 'node:child_process';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCK_FILE, lockRun, runningOwner } from '../../train/run/lock.ts';
import { scratch } from './support.ts';

let folder: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  folder = await scratch();
});
afterEach(() => folder.remove());

const write = (owner: object) => writeFile(join(folder.path, LOCK_FILE), JSON.stringify(owner));

describe('the lock of a run', () => {
  it('keeps a second one out until it is released', async () => {
    const lock = await lockRun(folder.path);
    expect(lock.takenOver).toBeUndefined();
    expect((await runningOwner(folder.path))?.pid).toBe(process.pid);
    await expect(lockRun(folder.path)).rejects.toThrow(new RegExp(`process ${process.pid} on this machine`));
    lock.release();
    expect(await readdir(folder.path)).toEqual([]);
    (await lockRun(folder.path)).release();
  });

  it('is taken over from a process that ended', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await write({ pid, host: hostname(), started: 'then' });
    const lock = await lockRun(folder.path);
    expect(lock.takenOver).toMatch(`taken over from process ${pid}`);
    lock.release();
  });

  it.runIf(process.platform === 'linux')('is taken over when another process has the number now', async () => {
    await write({ pid: process.pid, host: hostname(), started: 'then', ticks: '1' });
    expect(await runningOwner(folder.path)).toBeUndefined();
    (await lockRun(folder.path)).release();
  });

  it('is left to another machine, with the way out', async () => {
    await write({ pid: 1, host: 'elsewhere', started: 'then' });
    await expect(lockRun(folder.path)).rejects.toThrow(/on elsewhere.*remove .*run\.lock/);
  });

  it('goes to one of many that want a dead one', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await write({ pid, host: hostname(), started: 'then' });
    const tried = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(folder.path)));
    const got = tried.filter((one) => one.status === 'fulfilled');
    expect(got).toHaveLength(1);
    expect(JSON.parse(await readFile(join(folder.path, LOCK_FILE), 'utf8')).pid).toBe(process.pid);
    got[0].value.release();
    await expect(access(join(folder.path, LOCK_FILE))).rejects.toThrow();
  });
});
