import { readFileSync } from 'node:fs';

/**
 * Milliseconds that this thread has spent on a core; NaN where the system does not tell (all but Linux). Where there is
 * more work than cores, the clock on the wall counts the waiting for a core, too.
 */
export function threadMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Microseconds that all threads of this process have spent on cores: a software driver's arithmetic is in it. */
export function processUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
