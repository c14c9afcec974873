/** Which folder a training writes, and what may happen to what is in it: settled before anything is computed. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RequestError } from '../errors.ts';
import { CHECKPOINTS } from './checkpoint.ts';
import { stepOfName } from './checkpoint-state.ts';
import { assertWritableFolder } from './disk.ts';
import { assertUnlocked } from './lock.ts';

export interface RunRequest {
  /** folder of all runs */
  readonly runs: string;
  readonly name: string;
  /** true: the run of that name; else a run folder, its name, or one of its checkpoints */
  readonly resume?: true | string;
  readonly overwrite?: boolean;
}

export interface RunPlan {
  readonly path: string;
  readonly mode: 'new' | 'resume' | 'overwrite';
  /** the checkpoint that was asked for; the newest when left out */
  readonly checkpoint?: string;
}

export const CONFIG_FILE = 'config.yaml';

/**
 * @throws RequestError when the name is taken, the run to resume is not there, something that is no run would be
 *         replaced, another process works in the folder, or it cannot be written
 */
export async function planRun(request: RunRequest): Promise<RunPlan> {
  const plan = await choose(request);
  await assertUnlocked(plan.path);
  await assertWritableFolder(plan.path);
  return plan;
}

async function choose({ runs, name, resume, overwrite }: RunRequest): Promise<RunPlan> {
  if (resume !== undefined && overwrite) {
    throw new RequestError('--resume and --overwrite: one goes on with a run, the other removes it. Give one of them.');
  }
  if (typeof resume === 'string') return findRun(runs, resume);
  assertName(name);
  const path = join(runs, name);
  const entries = await entriesOf(path);
  if (entries === undefined || entries.length === 0) return { path, mode: 'new' };
  if (resume) return { path, mode: 'resume' };
  if (!overwrite) {
    throw new RequestError(
      `--name ${name}: expected a name without a run, but ${path} is one. Go on with it by --resume, replace it by ` +
        '--overwrite, or give another --name.',
    );
  }
  if (!isRun(entries)) {
    throw new RequestError(
      `--overwrite: expected ${path} to be a run, but it holds none of ${CONFIG_FILE}, ${CHECKPOINTS}. ` +
        'It was left as it is. Give another --name.',
    );
  }
  return { path, mode: 'overwrite' };
}

/** What `--resume WHAT` means: a checkpoint folder, a run folder, or the name of a run. */
export async function findRun(runs: string, what: string): Promise<RunPlan> {
  const path = what.replace(/(.)[\\/]+$/, '$1');
  const entries = await entriesOf(path);
  if (entries?.includes('state.json') && stepOfName(basename(path)) !== undefined) {
    const parent = dirname(resolve(path));
    const checkpoints = basename(parent) === CHECKPOINTS ? parent : dirname(parent);
    return { path: dirname(checkpoints), mode: 'resume', checkpoint: path };
  }
  if (entries && isRun(entries)) return { path, mode: 'resume' };
  const named = await entriesOf(join(runs, path));
  if (named && isRun(named)) return { path: join(runs, path), mode: 'resume' };
  throw new RequestError(
    `--resume ${what}: expected a run folder, the name of one in ${runs}, or a checkpoints/step-… folder, but ` +
      `${entries ? 'this folder is none of them' : 'there is none'}. "miaobi runs list" shows the runs.`,
  );
}

function isRun(entries: readonly string[]): boolean {
  return [CONFIG_FILE, CHECKPOINTS].some((name) => entries.includes(name));
}

function assertName(name: string): void {
  if (/^[^\\/:*?"<>|\p{Cc}]+$/u.test(name) && !/^\.|[. ]$/.test(name)) return;
  throw new RequestError(
    `--name ${JSON.stringify(name)}: expected the name of one folder, without slashes or a leading dot. ` +
      'The folder that it is in is given by --runs.',
  );
}

/** Names in a folder; undefined when there is none. @throws RequestError when a file has that name */
async function entriesOf(path: string): Promise<string[] | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  if (!found.isDirectory()) {
    throw new RequestError(`${path}: expected a folder, but it is a file. Give another --name or --runs.`);
  }
  return readdir(path);
}
