/** The same work in PyTorch, where a Python here has it: on CUDA, or reduced on the processor. */
import { fileURLToPath } from 'node:url';
import {
  askTorch,
  probeTorch,
  TIME_TORCH,
  type TorchCase,
  type TorchProbe,
  type TorchVersion,
} from '../peers/torch.ts';
import { type Row, timesOf, titleOf } from '../row.ts';
import { summarize } from '../statistics.ts';
import type { Found, Stage, Task, TaskContext } from './stage.ts';
import { kernelTasks, networkTasks, type TorchPrecision, type TorchTask, torchName } from './torch-cases.ts';

const TIME_NETWORKS = fileURLToPath(new URL('./time_networks.py', import.meta.url));

/** Beyond its budget a script may finish the case that it is in. */
const PATIENCE_SECONDS = 30;

type TasksOf = (small: boolean, precisions: readonly TorchPrecision[]) => TorchTask[];

/** @param software  the adapter is one: nobody's bars, so small work will do */
export function torchStage(software: boolean): Stage {
  const task = (name: string, script: string, seconds: number, tasksOf: TasksOf): Task => ({
    id: `PyTorch: ${name}`,
    estimate: 15,
    run: (context) => timeIn(context, script, seconds, software, tasksOf),
  });
  const tasks = [task('kernels', TIME_TORCH, 0.1, kernelTasks), task('networks', TIME_NETWORKS, 1, networkTasks)];
  return { name: 'PyTorch', share: 4, tasks };
}

interface NetworkAnswer extends TorchCase {
  readonly parameters?: Readonly<Record<string, number>>;
  readonly peakBytes?: number;
}

async function timeIn(
  context: TaskContext,
  script: string,
  seconds: number,
  software: boolean,
  tasksOf: TasksOf,
): Promise<Found | undefined> {
  const { note, onRow, journal, measured } = context;
  const probe = probeTorch();
  if (!probe) {
    note('left out: no python3 here has torch');
    return { missing: true };
  }
  const { python, cuda } = probe;
  const small = software || !cuda;
  if (!cuda) note('this torch has no CUDA: reduced sizes on the processor');
  context.release();
  const timed = new Set(journal.rows().map(titleOf));
  const all = tasksOf(small, cuda ? ['f32', 'f16', 'tf32'] : ['f32']);
  const tasks = all.filter((one) => !timed.has(titleOf(torchName(one, cuda))));
  const budget = Math.max(1, context.seconds - PATIENCE_SECONDS / 2);
  const input = { seconds, budget, device: cuda ? 'cuda' : 'cpu', cases: tasks.map(({ task }) => task) };
  const parameters: Record<string, boolean> = {};
  let left = 0;
  const options = { seconds: budget + PATIENCE_SECONDS };
  const ended = await askTorch<NetworkAnswer>(python, script, input, options, (version, found, i) => {
    const one = tasks[i];
    const title = titleOf(torchName(one, cuda));
    if (found.left) left++;
    else if (!found.seconds) note(`left out: ${title}: ${found.error}`);
    else onRow({ ...rowOf(one, found, version, probe), ...measured().environment });
    for (const [network, count] of Object.entries(one.parameters ?? {})) {
      const theirs = found.parameters?.[network];
      if (theirs === undefined) continue;
      parameters[`${one.name.op} ${network}: ${theirs}`] = theirs === count;
      if (theirs !== count)
        note(`${title}: ${network} has ${theirs} parameters there, ${count} here: not the same network`);
    }
  });
  for (const [line, same] of Object.entries(parameters)) if (same) note(`parameters as here: ${line}`);
  if (left > 0 || !ended) note(`${ended ? left : 'some'} of ${tasks.length} were left out for lack of time`);
  return { parameters, cut: left > 0 || !ended };
}

function rowOf(one: TorchTask, found: NetworkAnswer, { version }: TorchVersion, { cuda, name }: TorchProbe) {
  const times = summarize(found.seconds ?? []);
  const { flops = 0 } = one;
  return {
    ...{ suite: 'peers', ...torchName(one, cuda), version, torchDevice: name ?? 'CPU' },
    ...{ clock: cuda ? 'gpu' : 'wall', ...timesOf(times), cpuUs: summarize(found.cpu ?? []).median * 1e6 },
    ...(flops > 0 ? { gflops: flops / times.median / 1e9 } : {}),
    ...(found.peakBytes === undefined ? {} : { peakBytes: found.peakBytes }),
  } satisfies Partial<Row> & { version: string; torchDevice: string };
}
