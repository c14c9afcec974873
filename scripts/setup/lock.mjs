import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { say } from './say.mjs';

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

/** No set-up takes longer; a lock beyond this age was left by a process number that something else has now. */
const OLDEST_MS = 20 * 60 * 1000;

/** The process that holds the lock; undefined when it is gone and the lock may be taken over. */
function holder(file) {
  const owner = Number(readFileSync(file, 'utf8'));
  const old = Date.now() - statSync(file).mtimeMs > OLDEST_MS;
  // In containers numbers repeat: a lock under our own number was left by an earlier life.
  return old || owner === process.pid || (owner > 0 && !alive(owner)) ? undefined : owner;
}

/**
 * Runs `work` while no other set-up of this tree does: two that install packages at once spoil each other's files.
 * A lock whose process is gone is taken over.
 */
export function alone(folder, work) {
  const file = path.join(folder, 'setup.lock');
  mkdirSync(folder, { recursive: true });
  for (let waited = 0; !take(file); waited++) {
    try {
      const owner = holder(file);
      if (owner === undefined) rmSync(file, { force: true });
      else if (waited === 0) say(`another set-up of this folder is running (process ${owner}); waiting for it`);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    if (waited > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
  try {
    return work();
  } finally {
    rmSync(file, { force: true });
  }
}
