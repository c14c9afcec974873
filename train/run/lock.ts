/** `run.lock`: one process at a time writes a run folder. */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { RequestError } from '../errors.ts';

const LockSchema = z.object({
  pid: z.number(),
  host: z.string(),
  started: z.string(),
  /** ticks since boot at which the process began, where the system tells: a pid alone is used again */
  ticks: z.string().optional(),
});

export type LockOwner = z.infer<typeof LockSchema>;

export interface Lock {
  /** a line for the log when the lock of a dead process was taken over */
  readonly takenOver: string | undefined;
  /** Removes the lock; a lock that someone else took meanwhile stays. */
  release(): void;
}

export const LOCK_FILE = 'run.lock';

/**
 * Locks a run folder. The lock of a process that no longer runs is taken over.
 *
 * @throws RequestError when a living process, or one of another host, holds it
 */
export async function lockRun(folder: string): Promise<Lock> {
  const path = join(folder, LOCK_FILE);
  const own: LockOwner = {
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
    ticks: ticksOf(process.pid),
  };
  const text = `${JSON.stringify(own)}\n`;
  const temporary = join(folder, `.${LOCK_FILE}.${process.pid}-${randomBytes(4).toString('hex')}`);
  await writeFile(temporary, text);
  let takenOver: string | undefined;
  try {
    while (!(await claim(temporary, path))) {
      const held = await readFile(path, 'utf8').catch(() => undefined);
      if (held === undefined) continue;
      const owner = parseOwner(held);
      if (owner && ownerLives(owner)) throw inUse(folder, owner);
      await evict(temporary, path, held);
      takenOver = owner
        ? `${path}: taken over from process ${owner.pid}, started ${owner.started}, which no longer runs`
        : `${path}: taken over; it named no process`;
    }
  } finally {
    await rm(temporary, { force: true });
  }
  const release = () => {
    process.off('exit', release);
    try {
      if (readFileSync(path, 'utf8') === text) rmSync(path);
    } catch {
      // gone already
    }
  };
  process.once('exit', release);
  return { takenOver, release };
}

/** The process that works in a run folder now, if any. */
export async function runningOwner(folder: string): Promise<LockOwner | undefined> {
  const text = await readFile(join(folder, LOCK_FILE), 'utf8').catch(() => undefined);
  const owner = text === undefined ? undefined : parseOwner(text);
  return owner && ownerLives(owner) ? owner : undefined;
}

/** @throws RequestError when a living process holds the lock */
export async function assertUnlocked(folder: string): Promise<void> {
  const owner = await runningOwner(folder);
  if (owner) throw inUse(folder, owner);
}

/** A hard link appears with its whole content or not at all, and only where there is none. */
async function claim(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
  }
  try {
    await writeFile(path, await readFile(temporary), { flag: 'wx' }); // a file system without hard links
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a dead lock. Those who want it queue at a file of its own: who comes second finds another content and leaves
 * it, so a lock that a living process has put there is never touched.
 */
async function evict(temporary: string, path: string, held: string): Promise<void> {
  const queue = `${path}.takeover`;
  if (!(await claim(temporary, queue))) {
    const other = await readFile(queue, 'utf8').catch(() => undefined);
    const owner = other === undefined ? undefined : parseOwner(other);
    if (owner && !ownerLives(owner)) await rm(queue, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, 2));
    return;
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === held) await rm(path, { force: true });
  } finally {
    await rm(queue, { force: true });
  }
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    return LockSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A process of another host cannot be asked: it counts as living. */
function ownerLives({ pid, host, ticks }: LockOwner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = ticksOf(pid);
  return ticks === undefined || now === undefined || ticks === now;
}

/** Field 22 of /proc/PID/stat, counted after the name in parentheses; undefined where there is no /proc. */
function ticksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19];
  } catch {
    return undefined;
  }
}

function inUse(folder: string, { pid, host, started }: LockOwner): RequestError {
  const here = host === hostname();
  return new RequestError(
    `${folder}: expected a run that nobody works on, but process ${pid} on ${here ? 'this machine' : host} has it since ` +
      `${started}. ${here ? 'Stop it (its first Ctrl-C saves)' : 'Stop it there'}, or train under another --name` +
      `${here ? '.' : `; if it is long gone, remove ${join(folder, basename(LOCK_FILE))}.`}`,
  );
}
