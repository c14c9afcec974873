/** The long form of test/run/kill.test.ts: `npm run test:kill`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../engine/index.ts';
import { drawGauganData } from '../run/gaugan-training.ts';
import { gauganOrder, killAfter, killUniformly, ORDER, resumeHere, runChild, undisturbed } from '../run/kill.ts';
import { scratch } from '../run/support.ts';
import { testDevice } from '../support/device.ts';
import { generator } from '../support/samples.ts';

const KILLS = Number(process.env.MIAOBI_KILLS ?? 20);

let device: Device;
let folder: Awaited<ReturnType<typeof scratch>>;
let expected: object;

beforeAll(async () => {
  [device, folder] = [await testDevice(), await scratch()];
  expected = await undisturbed(device, folder.path);
});
afterAll(() => folder.remove());

describe('a training that is killed', () => {
  it(`resumes to the same after ${KILLS} kills at instants drawn uniformly`, async () => {
    const seed = Number(process.env.MIAOBI_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const places = await killUniformly(device, folder.path, { kills: KILLS, seed }, (outcome, place) => {
      console.log(place);
      expect(outcome, place).toEqual(expected);
    });
    expect(places).toHaveLength(KILLS);
  }, 1_200_000);

  it('resumes to the same after a kill at every step of a checkpoint', async () => {
    const once = await runChild({ ...ORDER, steps: ORDER.saveEvery, runs: folder.path, name: 'phases' });
    const phases = once.lines.filter((line) => line.startsWith('phase '));
    expect(phases.length).toBeGreaterThan(10);
    for (const [i, phase] of phases.entries()) {
      const name = `phase-${i}`;
      const killAtPhase = phases.length + i;
      const killed = await runChild({ ...ORDER, runs: folder.path, name, killAtPhase });
      expect([killed.signal, killed.lines.at(-1)], killed.stderr).toEqual(['SIGKILL', phase]);
      console.log(`killed after: ${phase}`);
      expect(await resumeHere(device, folder.path, name), phase).toEqual(expected);
    }
  }, 1_200_000);

  it('comes to the same when every attempt is killed until one gets through', async () => {
    const random = generator(7);
    const order = { ...ORDER, runs: folder.path, name: 'hunted' };
    let last = await killAfter(order, 250);
    for (let i = 0; last.signal === 'SIGKILL' && i < 12; i++) {
      last = await killAfter({ ...order, resume: true }, 150 + random() * 300);
    }
    expect(await resumeHere(device, folder.path, 'hunted')).toEqual(expected);
  }, 1_200_000);
});

describe('a training of GauGAN that is killed', () => {
  const kills = Math.ceil(KILLS / 2);
  it(`resumes to the same after ${kills} kills at instants drawn uniformly`, async () => {
    const data = `${folder.path}/data`;
    await drawGauganData(data);
    const order = gauganOrder(data);
    const runs = `${folder.path}/gaugan`;
    const whole = await undisturbed(device, runs, order);
    const seed = Number(process.env.MIAOBI_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const places = await killUniformly(device, runs, { kills, seed, order }, (outcome, place) => {
      console.log(place);
      expect(outcome, place).toEqual(whole);
    });
    expect(places).toHaveLength(kills);
  }, 1_200_000);
});
