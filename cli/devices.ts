/** `miaobi devices`: the adapters that WebGPU finds, with what each can do. */
import type { Command } from 'commander';
import type { DeviceFacts } from './device-facts.ts';
import { CliError, EXIT } from './errors.ts';
import { globalsOf, logOf } from './options.ts';

export function registerDevices(program: Command): void {
  program
    .command('devices')
    .description('list the GPUs, their features and limits, and which pictures fit')
    .action(async (_options, command: Command) => {
      const globals = globalsOf(command);
      const found = await listDevices(globals.backend);
      for (const { name, problem } of found) if (problem) logOf(globals).warn(`${name}: ${problem}`);
      const usable = found.filter((one) => one.facts !== undefined);
      if (globals.json)
        process.stdout.write(
          `${JSON.stringify(
            usable.map(({ backend, facts }) => ({ backend, ...facts })),
            null,
            2,
          )}\n`,
        );
      else if (usable.length > 0) process.stdout.write(await table(usable as Usable[]));
      if (usable.length > 0) return;
      const asked = globals.backend ? `--backend ${globals.backend}: ` : '';
      throw new CliError(
        `${asked}expected a GPU or a software driver that WebGPU accepts, but found none. miaobi doctor says what to do.`,
        EXIT.device,
      );
    });
}

interface Found {
  readonly backend: string;
  readonly name: string;
  readonly facts?: DeviceFacts;
  readonly problem?: string;
}
type Usable = Found & { readonly facts: DeviceFacts };

async function listDevices(backend?: string): Promise<Found[]> {
  const { acquireDevice, listAdapters } = await import('../engine/device/node.ts');
  const { describeDevice } = await import('./device-facts.ts');
  const found: Found[] = [];
  for (const adapter of await listAdapters(backend)) {
    try {
      const device = await acquireDevice({ device: adapter.name, backend: adapter.backend as 'vulkan' });
      found.push({ ...adapter, facts: describeDevice(device) });
      device.destroy();
    } catch (error) {
      found.push({ ...adapter, problem: (error as Error).message.split('\n')[0] });
    }
  }
  return found;
}

async function table(devices: readonly Usable[]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const rows = new Table({
    head: ['device', 'backend', 'kind', 'features', 'largest tensor', 'untiled picture'],
    style: { head: [], border: [], compact: true },
  });
  for (const { backend, facts } of devices) {
    rows.push([
      facts.name,
      backend,
      facts.software ? 'software' : 'GPU',
      facts.features.join(', '),
      `${Math.floor(facts.largestTensorBytes / 2 ** 20)} MiB`,
      facts.fits.map(({ model, side }) => `${model} ${side} x ${side}`).join('\n'),
    ]);
  }
  return `${rows.toString()}\n`;
}
