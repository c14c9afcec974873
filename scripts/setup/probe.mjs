import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./probe-child.mjs', import.meta.url));

/** The part of Dawn's warnings that tells why no adapter came; the rest repeats on every machine. */
function reasonIn(stderr) {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^Warning: /, '').trim())
    .filter((line) => line && !line.startsWith('at ') && !line.includes('artificially reduced'));
  return lines[0];
}

/**
 * The adapter WebGPU finds in a new process with the given environment.
 *
 * @returns { adapter: { name, software } } or { adapter: null, reason }
 */
export function probe(env) {
  const child = spawnSync(process.execPath, [CHILD], { env, encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' });
  try {
    const { adapter, error } = JSON.parse(child.stdout.trim().split('\n').at(-1));
    return adapter
      ? { adapter }
      : { adapter: null, reason: error ?? reasonIn(child.stderr) ?? 'no Vulkan driver found' };
  } catch {
    const how =
      child.error?.code === 'ETIMEDOUT' ? 'did not answer in 60 s' : `ended with ${child.signal ?? child.status}`;
    return { adapter: null, reason: `the driver ${how}` };
  }
}
