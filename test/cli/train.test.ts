import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { tableText } from '../../cli/runs-tables.ts';
import { commandLine, intervalLine } from '../../cli/train-once.ts';
import { openMetrics } from '../../train/run/metrics.ts';
import { miaobi } from './spawn.ts';

let cwd: string;
const root = new URL('../..', import.meta.url).pathname;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'miaobi-train-'));
  const run = join(cwd, 'runs', 'old');
  await mkdir(run, { recursive: true });
  await writeFile(
    join(run, 'config.yaml'),
    'model: cap-vstnet\ncontent: c\nstyle: s\nlr: 0.002\nn-blocks: [1, 2, 3]\nmode: art\n',
  );
  const writer = openMetrics(join(run, 'metrics.jsonl'));
  for (let step = 1; step <= 4; step++) {
    writer.append({ step, epoch: 0, time: 0, lr: 0.5, losses: { total: 8 / step }, img_per_s: 3, mem_bytes: 1 });
  }
  writer.close();
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function config(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await miaobi(['train', ...args, '--print-config'], { cwd });
  expect(code, stderr).toBe(0);
  return parse(stdout);
}

describe('the options of miaobi train', () => {
  it('come from flags, the config, the resumed run and the preset, in this order', async () => {
    await writeFile(join(cwd, 'c.yaml'), 'batch_size: 3\nlr: 0.5\n');
    const found = await config('cap-vstnet', '-C', 'c.yaml', '--lr', '0.25', '--resume', 'runs/old', '--set', 'seed=9');
    expect(found).toMatchObject({
      lr: 0.25,
      'batch-size': 3,
      content: 'c',
      seed: 9,
      steps: 160_000,
      'save-every': 1000,
    });
    // art was trained with other weights than photo
    expect(found).toMatchObject({ mode: 'art', 'lap-weight': 1, 'rec-weight': 1, 'n-blocks': [1, 2, 3] });
  });

  it('name the model in the resumed run, and follow the preset of a mode and a length', async () => {
    expect(await config('--resume', 'old')).toMatchObject({ model: 'cap-vstnet', lr: 0.002 });
    expect(await config('cap-vstnet', '--mode', 'photo')).toMatchObject({
      'lap-weight': 1500,
      lr: 1e-4,
      'clip-grad': 5,
      'temporal-steps': 10_000,
    });
    await writeFile(join(cwd, 'short.yaml'), 'steps: 320\n');
    expect(await config('cap-vstnet', '-C', 'short.yaml')).toMatchObject({ steps: 320, 'temporal-steps': 20 });
    // a motion needs crops of 100 pixels
    expect(await config('cap-vstnet', '--crop-size', '96')).toMatchObject({ 'temporal-steps': 0 });
  });

  it('are refused with what to do', async () => {
    const refusal = async (...args: string[]) => {
      const { code, stderr } = await miaobi(['train', ...args], { cwd });
      return [code, stderr.trim().split('\n').at(-1)];
    };
    const both = ['cap-vstnet', '--content', 'c', '--style', 's'];
    expect(await refusal()).toEqual([2, expect.stringMatching(/expected a model, one of cap-vstnet/)]);
    expect(await refusal('cap-vstnet', '--content', 'c')).toEqual([2, expect.stringMatching(/--style: expected it/)]);
    expect(await refusal(...both, '--name', 'old')).toEqual([2, expect.stringMatching(/runs.old is one. .*--resume/)]);
    expect(await refusal(...both, '--from', 'x', '--resume', 'old')).toEqual([
      2,
      expect.stringMatching(/--from and --resume/),
    ]);
    const small = ['--crop-size', '64', '--temporal-steps', '2', '--name', 'small'];
    expect(await refusal(...both, ...small)).toEqual([
      2,
      expect.stringMatching(/^error: --temporal-steps 2: .* is 64/),
    ]);
    expect(await refusal('--resume', 'none')).toEqual([
      2,
      expect.stringMatching(/--resume none: expected a run folder/),
    ]);
  });
});

describe('miaobi runs', () => {
  it('lists, shows, plots and compares as TSV through a pipe', async () => {
    const list = await miaobi(['runs', 'list', '--smooth', '0'], { cwd });
    expect(list.stdout.split('\n').map((line) => line.split('\t'))).toEqual([
      ['run', 'model', 'status', 'step', 'of', 'img/s', 'started', 'total', 'lr'],
      ['old', 'cap-vstnet', 'stopped', '4', '', '3', '', '2', '0.5'],
      [''],
    ]);
    const shown = await miaobi(['runs', 'show', 'old', '--json'], { cwd });
    expect(JSON.parse(shown.stdout)).toMatchObject({ run: 'old', final: { total: 2 }, config: { lr: 0.002 } });
    const plotted = await miaobi(['runs', 'plot', 'old', '--metric', 'total'], { cwd });
    expect(plotted.stdout.trim()).toBe(join('runs', 'old', 'plots', 'total.png'));
    const compared = await miaobi(['runs', 'compare', 'old', 'runs/old', '--metric', 'total', '--smooth', '0'], {
      cwd,
    });
    expect(compared.stdout.split('\n')[0]).toBe('run\tmodel\tstatus\tstep\tof\timg/s\tstarted\ttotal');
    const unknown = await miaobi(['runs', 'plot', 'old', '--metric', 'x'], { cwd });
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringMatching(/which has: total, lr, img_per_s/)]);
    expect((await miaobi(['runs', 'show', root], { cwd })).code).toBe(2);
  });
});

describe('texts of a training', () => {
  it('say losses, speed and the time that is left', () => {
    const report = { step: 20, total: 100, epoch: 0, lr: 1e-4, losses: { lap: 0.12345, rec: 2 }, imagesPerSecond: 3.2 };
    expect(intervalLine({ ...report, secondsLeft: 50 })).toBe(
      'step 20/100  lap 0.123  rec 2  lr 0.0001  3.2 img/s, 50 s left',
    );
  });

  it('quote a command line for a shell', () => {
    expect(commandLine(['train', '--content', "my 'best' photos", 'a=1'])).toBe(
      `miaobi train --content 'my '\\''best'\\'' photos' a=1`,
    );
  });

  it('keep tabs and full numbers apart in TSV', () => {
    expect(tableText([{ a: 'x\ty', b: 1 / 3 }, { c: 2 }], 'tsv')).toBe(`a\tb\tc\nx y\t${1 / 3}\t\n\t\t2\n`);
  });
});
