/** `miaobi doctor`: what works on this machine, and the command that mends what does not. */
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import type { Command } from 'commander';
import type { Device } from '../engine/index.ts';
import {
  type Check,
  checkChromium,
  checkFfmpeg,
  checkImages,
  checkLibc,
  checkNode,
  type Status,
} from './doctor-checks.ts';
import { EXIT, exitCodeOf } from './errors.ts';
import { coloursFor } from './log.ts';
import { type Globals, globalsOf } from './options.ts';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check the driver, the GPU and the tools, and train one tiny step')
    .addHelpText('after', '\nExit code 0 when everything that every command needs is there, else 3.')
    .action(async (_options, command: Command) => {
      const globals = globalsOf(command);
      const { checks, adapter } = await examine(globals);
      const ready = checks.every((check) => check.status !== 'fail');
      if (globals.json) process.stdout.write(`${JSON.stringify({ ready, checks, adapter }, null, 2)}\n`);
      else process.stdout.write(table(checks, ready, globals.color));
      process.exitCode = ready ? EXIT.done : EXIT.device;
    });
}

interface Examination {
  readonly checks: Check[];
  /** what the device is, and how large things may be */
  readonly adapter?: Record<string, unknown>;
}

async function examine(globals: Globals): Promise<Examination> {
  const libc = checkLibc();
  const checks: Check[] = [checkNode(), ...(libc ? [libc] : []), await checkImages()];
  const gpu = await examineDevice(globals);
  checks.push(...gpu.checks, await checkFfmpeg(), await checkChromium());
  return { checks, adapter: gpu.adapter };
}

async function examineDevice(globals: Globals): Promise<Examination> {
  let device: Device;
  try {
    const { acquireDevice } = await import('../engine/device/node.ts');
    device = await acquireDevice({ device: globals.device, backend: globals.backend });
  } catch (error) {
    return { checks: [noDevice(error as Error, globals), ...driverChoice()] };
  }
  try {
    const { describeDevice } = await import('./device-facts.ts');
    const facts = describeDevice(device);
    return {
      checks: [...deviceChecks(device, facts.features), await trainStep(device, globals)],
      adapter: { ...facts },
    };
  } finally {
    device.destroy();
  }
}

/** NVIDIA's Vulkan driver finds no card without them, and a server without a desktop may lack them. */
const NVIDIA_LIBRARIES =
  'apt-get install libvulkan1 libegl1 libgl1, which the Vulkan driver of the NVIDIA card here loads';
const hasNvidia = () => existsSync('/dev/nvidiactl');

/** An adapter that is missing, or a binding that does not load. */
function noDevice(error: Error, globals: Globals): Check {
  const missing = exitCodeOf(error) === EXIT.device;
  const reason = error.message.trim().replace(/\s*\n\s*/g, ' ');
  const asked = globals.device !== 'auto' || globals.backend !== undefined;
  const detail = !missing ? `WebGPU does not load: ${reason}` : asked ? reason : 'none that WebGPU accepts was found';
  const fix =
    missing && asked ? 'miaobi devices lists what there is' : hasNvidia() ? NVIDIA_LIBRARIES : 'npm run setup';
  return { name: 'adapter', status: 'fail', detail, fix };
}

function deviceChecks(device: Device, features: readonly string[]): Check[] {
  const { description, software } = device.info;
  const adapter: Check = software
    ? {
        name: 'adapter',
        status: 'warning',
        detail: `${description}: a software adapter: the processor does the GPU's work, slowly`,
        fix: hasNvidia()
          ? NVIDIA_LIBRARIES
          : 'if this machine has a GPU, install its Vulkan driver and run npm run setup again',
      }
    : { name: 'adapter', status: 'ok', detail: description };
  const limits = device.gpu.limits;
  const mib = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  const detail =
    `${mib(device.capabilities.maxBindingBytes)} a tensor, ${device.capabilities.maxWorkgroupBytes / 1024} KiB shared, ` +
    `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxStorageBuffersPerShaderStage} storage buffers`;
  return [
    adapter,
    ...driverChoice(),
    { name: 'features', status: 'ok', detail: features.join(', ') || 'none beyond the standard' },
    { name: 'limits', status: 'ok', detail },
  ];
}

/** The variables that select a Vulkan driver, for they explain most surprises. */
function driverChoice(): Check[] {
  const names = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].filter((name) => process.env[name]);
  if (names.length === 0) return [];
  const files = process.env[names[0]]!.split(delimiter).filter(Boolean);
  const absent = files.filter((file) => !existsSync(file));
  const detail = `${files.join(', ')} (chosen by ${names.join(' and ')})`;
  if (absent.length === 0) return [{ name: 'driver', status: 'ok', detail }];
  const fix = `unset ${names.join(' ')}, or run npm run setup`;
  return [{ name: 'driver', status: 'warning', detail: `${detail}: no such file ${absent.join(', ')}`, fix }];
}

async function trainStep(device: Device, globals: Globals): Promise<Check> {
  const name = 'training';
  if (globals.device === 'null') return { name, status: 'warning', detail: 'skipped: the null device runs nothing' };
  try {
    const { selfTest } = await import('../train/run/self-test.ts');
    const { passed, lossBefore, lossAfter, gradientError, milliseconds } = await selfTest(device);
    const detail =
      `one step: loss ${lossBefore.toPrecision(4)} to ${lossAfter.toPrecision(4)}, ` +
      `gradients within ${gradientError.toExponential(1)} of the host's, ${Math.round(milliseconds)} ms`;
    if (passed) return { name, status: 'ok', detail };
    return { name, status: 'fail', detail: `${detail}: wrong numbers`, fix: 'update the driver, or try --device cpu' };
  } catch (error) {
    const detail = `the step failed: ${(error as Error).message.split('\n')[0]}`;
    return { name, status: 'fail', detail, fix: 'update the driver, or try --device cpu' };
  }
}

function table(checks: readonly Check[], ready: boolean, color: boolean): string {
  const colours = coloursFor(process.stdout, color);
  const paint: Record<Status, (text: string) => string> = {
    ok: colours.green,
    warning: colours.yellow,
    missing: colours.dim,
    fail: colours.red,
  };
  const lines = checks.flatMap(({ name, status, detail, fix }) => [
    `${paint[status](status.padEnd(8))} ${name.padEnd(9)} ${detail}`,
    ...(fix ? [`${''.padEnd(18)} mend: ${fix}`] : []),
  ]);
  lines.push(ready ? 'Ready.' : 'Not ready: mend what failed and run miaobi doctor again.');
  return `${lines.join('\n')}\n`;
}
