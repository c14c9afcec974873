import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../engine/index.ts';
import { testDevice } from '../support/device.ts';
import { drawGauganData } from './gaugan-training.ts';
import { gauganOrder, killUniformly, ORDER, resumeHere, runChild, undisturbed } from './kill.ts';
import { scratch } from './support.ts';

let device: Device;
let folder: Awaited<ReturnType<typeof scratch>>;
let expected: object;

beforeAll(async () => {
  [device, folder] = [await testDevice(), await scratch()];
  expected = await undisturbed(device, folder.path);
});
afterAll(() => folder.remove());

describe('a training that is killed', () => {
  it('resumes to the same weights, optimiser and metrics, whatever the instant', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const places = await killUniformly(device, folder.path, { kills: 2, seed }, (outcome, place) => {
      expect(outcome, place).toEqual(expected);
    });
    console.log(places.join('\n'));
    expect(places).toHaveLength(2);
  });

  it('resumes to the same after a kill between a written checkpoint and its pointer', async () => {
    const phases = (await runChild({ ...ORDER, steps: ORDER.saveEvery, runs: folder.path, name: 'phases' })).lines;
    const listed = phases.filter((line) => line.startsWith('phase ')).map((line) => line.slice(6));
    expect(listed).toContain('folder renamed');
    // of the second checkpoint, so that there is an earlier pointer to be stale
    const killAtPhase = listed.length + listed.indexOf('folder renamed');
    const killed = await runChild({ ...ORDER, runs: folder.path, name: 'torn', killAtPhase });
    expect(killed.signal).toBe('SIGKILL');
    expect(await resumeHere(device, folder.path, 'torn')).toEqual(expected);
  });
});

describe('a training of GauGAN that is killed', () => {
  it('resumes to the same networks, buffers, averages and optimisers, whatever the instant', async () => {
    const data = `${folder.path}/data`;
    await drawGauganData(data);
    const order = gauganOrder(data);
    const whole = await undisturbed(device, `${folder.path}/gaugan`, order);
    const seed = Math.floor(Math.random() * 2 ** 31);
    const places = await killUniformly(device, `${folder.path}/gaugan`, { kills: 3, seed, order }, (outcome, place) => {
      expect(outcome, place).toEqual(whole);
    });
    console.log(places.join('\n'));
    expect(places).toHaveLength(3);
  }, 300_000);
});

describe('a training that is asked to stop', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('saves after %s and resumes to the same', async (signal, code) => {
    const order = { ...ORDER, runs: folder.path, name: signal };
    const stopped = await runChild(order, (line, child) => {
      if (line === 'step 6') child.kill(signal);
    });
    expect([stopped.code, stopped.lines.at(-1)], stopped.stderr).toEqual([code, 'end interrupted']);
    expect(await resumeHere(device, folder.path, signal)).toEqual(expected);
  });

  it('stops at once when asked twice', async () => {
    const order = { ...ORDER, delayMs: 400, runs: folder.path, name: 'twice' };
    const stopped = await runChild(order, (line, child) => {
      if (line === 'step 1' || line.startsWith('SIGINT')) child.kill('SIGINT');
    });
    expect(stopped.code).toBe(130);
    expect(stopped.lines.some((line) => line.startsWith('end'))).toBe(false);
  });
});
