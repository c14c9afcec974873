/** A training in a process of its own, for tests to kill. Told what to do by JSON in its one argument. */
import { writeSync } from 'node:fs';
import { listenForStop } from '../../cli/interrupt.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { train } from './support.ts';
import { type ChildOrder, SCHEDULE, trainingOf } from './train-child-order.ts';

const order: ChildOrder = JSON.parse(process.argv[2]);
/** At once: what a pipe still buffers dies with the process. */
const tell = (line: string) => writeSync(1, `${line}\n`);
const device = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
const stop = listenForStop((line) => tell(line));
let phases = 0;
const training = await trainingOf(device, order.subject, {
  steps: order.steps,
  within: () => new Promise((resolve) => setTimeout(resolve, order.delayMs ?? 0)),
});
const result = await train(device, training, {
  runs: order.runs,
  name: order.name,
  resume: order.resume ? true : undefined,
  schedule: { ...SCHEDULE, saveEvery: order.saveEvery },
  stopRequested: stop.requested,
  onStart: () => {
    tell('started');
  },
  onStep: (step) => tell(`step ${step}`),
  onPhase: (phase) => {
    tell(`phase ${phase}`);
    if (phases++ === order.killAtPhase) process.kill(process.pid, 'SIGKILL');
  },
});
stop.dispose();
tell(`end ${result.end}`);
device.destroy();
process.exitCode = stop.exitCode();
