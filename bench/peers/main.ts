/**
 * Times the same work in this project and in other libraries, in one process on one Dawn device, in turns; results that
 * differ from ours are reported and not timed.
 *
 *   npm run bench:peers -- [--filter TEXT] [--seconds S] [--only NAME,…] [--cpu] [--out FILE] [--json] [--device NAME]
 */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { acquireDevice } from '../../engine/device/node.ts';
import type { Device } from '../../engine/index.ts';
import { measureRoofline } from '../../kernels/index.ts';
import { environmentOf } from '../environment.ts';
import { peerCases } from './cases.ts';
import { installPeers, versionOf } from './install.ts';
import { loadJax } from './jax.ts';
import type { Library } from './library.ts';
import { loadOnnxruntime } from './onnxruntime.ts';
import { loadOurs } from './ours.ts';
import type { PeerRow } from './peer-row.ts';
import { lostTo, peerTable } from './peer-table.ts';
import { runCase } from './run-case.ts';
import { loadTfjs } from './tfjs.ts';
import { probeTorch, timeTorch } from './torch.ts';

const OPTIONS = {
  filter: { type: 'string', default: '' },
  seconds: { type: 'string', default: '1' },
  only: { type: 'string', default: 'tfjs,jax-js,onnxruntime-web,torch' },
  cpu: { type: 'boolean' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  device: { type: 'string' },
} as const;

const LOADERS: Readonly<Record<string, (device: Device) => Promise<Library>>> = {
  tfjs: loadTfjs,
  'jax-js': (device) => loadJax(device, versionOf('@jax-js/jax')),
  'onnxruntime-web': (device) => loadOnnxruntime(device, versionOf('onnxruntime-web')),
};

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const { values: flags } = parseArgs({ options: OPTIONS });
  const cases = peerCases.filter(({ family, sample }) => `${family} · ${sample}`.includes(flags.filter));
  if (cases.length === 0) throw new Error(`--filter ${flags.filter}: no case has this in its title`);
  const only = flags.only.split(',');
  installPeers(say);
  const device = await acquireDevice({ device: flags.device });
  const environment = environmentOf(device, await measureRoofline(device));
  say(`Device: ${device.info.description}`);
  lendDevice(device);
  // While nothing but a GPU promise is pending, Node drains background work first: with a large WebAssembly module in
  // the process that takes half a minute. A timer that it must wait for keeps it from that.
  const alive = setInterval(() => {}, 1000);
  const libraries = [await loadOurs(device, environment.commit)];
  for (const [name, load] of Object.entries(LOADERS)) {
    if (!only.includes(name)) continue;
    try {
      libraries.push(await load(device));
    } catch (error) {
      say(`left out: ${name}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  const settings = { seconds: Number(flags.seconds), environment };
  const rows: PeerRow[] = [];
  const onRow = (row: PeerRow) => {
    rows.push(row);
    const line = `${JSON.stringify(row)}\n`;
    if (flags.json) process.stdout.write(line);
    if (flags.out !== undefined) appendFileSync(flags.out, line);
    if (row.status) say(`${row.status}: ${row.op} · ${row.sample} · ${row.pass}: ${row.reason}`);
  };
  for (const [i, one] of cases.entries()) {
    say(`${i + 1}/${cases.length} ${one.family} · ${one.sample}`);
    for (const row of await runCase(device, libraries, one, settings)) onRow(row);
  }
  clearInterval(alive);
  if (only.includes('torch')) {
    const probe = probeTorch();
    if (probe) for (const row of await timeTorch(probe.python, cases, settings)) onRow(row);
    else say('left out: torch: no python3 here has it');
  }
  if (!flags.json) {
    const clock = flags.cpu ? 'cpu' : 'wall';
    const sorted = inOrder(rows, [...libraries.map(({ name }) => name), 'torch, CPU']);
    process.stdout.write(peerTable(sorted, clock));
    for (const line of lostTo(sorted, clock)) say(line);
  }
}

const inOrder = (rows: readonly PeerRow[], names: readonly string[]) =>
  [...rows].sort((a, b) => names.indexOf(a.pass) - names.indexOf(b.pass));

/** Libraries that ask the browser for a device get this one. */
function lendDevice({ gpu, info, capabilities }: Device): void {
  const adapter = {
    ...{ info, features: gpu.features, limits: gpu.limits },
    isFallbackAdapter: capabilities.software,
    requestDevice: async () => gpu,
  };
  const lent = { requestAdapter: async () => adapter, getPreferredCanvasFormat: () => 'rgba8unorm' };
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: lent, userAgent: 'node' }, configurable: true });
}

try {
  await main();
  // Dawn's device and the libraries' workers keep the process otherwise
  process.exit(0);
} catch (error) {
  say((error as Error).stack ?? String(error));
  process.exit(1);
}
