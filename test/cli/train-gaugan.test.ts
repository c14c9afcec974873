import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openCheckpoint } from '../../train/checkpoint/open-checkpoint.ts';
import { writeImage } from '../../train/data/image/write.ts';
import { readMetrics } from '../../train/run/metrics.ts';
import { drawGauganData } from '../run/gaugan-training.ts';
import { command } from './in-process.ts';
import { miaobi } from './spawn.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'miaobi-gaugan-'));
  await drawGauganData(join(cwd, 'land'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const last = (text: string) => text.trim().split('\n').at(-1) as string;

describe('a command line of the SPADE release', () => {
  it('is read as it is pasted', async () => {
    const pasted =
      'train gaugan --name x --dataset_mode custom --label_dir a --image_dir b --label_nc 29 --batchSize 4 ' +
      '--no_instance --use_vae --niter 100 --niter_decay 20 --contain_dontcare_label --D_steps_per_G 2 --no_TTUR ' +
      '--norm_G spectralspadeinstance3x3 --no_ganFeat_loss --no_vgg_loss --gpu_ids -1';
    const { code, stdout, stderr } = await command(...pasted.split(' '), '--print-config');
    expect(code, stderr).toBe(0);
    expect(parse(stdout)).toMatchObject({
      ...{ model: 'gaugan', name: 'x', 'dataset-mode': 'custom', 'label-dir': 'a', 'image-dir': 'b', 'label-nc': 29 },
      ...{ 'batch-size': 4, instance: false, 'use-vae': true, epochs: 100, 'decay-epochs': 20, 'dont-care': 255 },
      ...{ 'd-steps': 2, ttur: false, beta1: 0.5, beta2: 0.999, 'norm-g': 'spectralspadeinstance3x3' },
      ...{ 'gan-feat': false, vgg: false, device: 'cpu' },
    });
  });

  it('takes the numbers of the data set that it names', async () => {
    const { stdout } = await command('train', 'gaugan', '--dataset-mode', 'cityscapes', '--print-config');
    expect(parse(stdout)).toMatchObject({
      ...{ 'preprocess-mode': 'fixed', 'crop-size': 512, 'aspect-ratio': 2, 'label-nc': 35, 'batch-size': 16 },
      ...{ 'num-upsampling-layers': 'more', lr: 2e-4, beta1: 0, beta2: 0.9, ttur: true, instance: true },
    });
  });
});

describe('miaobi train gaugan', () => {
  const small =
    '--preprocess-mode resize_and_crop --load-size 36 --crop-size 32 --aspect-ratio 1 --ngf 2 --ndf 2 --nhidden 4 ' +
    '--batch-size 2 --workers 0 --vgg-channels 2,2,2,2,2';

  it('trains, evaluates what it held out, and writes networks under the names of the release', async () => {
    const args = `train gaugan --data land --dataset-mode landscape ${small} --steps 4 --hold-out 2 --eval-every 2`;
    const { code, stdout, stderr } = await miaobi([...args.split(' '), '--name', 'first'], { cwd });
    expect(code, stderr).toBe(0);
    expect(last(stdout)).toBe(join('runs', 'first'));
    const run = join(cwd, 'runs', 'first');
    const metrics = await readMetrics(join(run, 'metrics.jsonl'));
    expect(metrics).toHaveLength(4);
    expect(Object.keys(metrics[3].losses)).toEqual(
      expect.arrayContaining(['GAN', 'GAN_Feat', 'VGG', 'D_Fake', 'D_real']),
    );
    const file = await openCheckpoint(join(run, 'checkpoints', 'step-00000004', 'G.safetensors'));
    expect([...file.tensors.keys()]).toEqual(
      expect.arrayContaining(['fc.weight', 'up_0.conv_s.weight_orig', 'up_3.norm_1.param_free_norm.running_var']),
    );
    await file.close();
    expect(stderr).toMatch(/evaluation at step 4: l1 [\d.]+ {2}ssim [-\d.]+ {2}vgg [\d.]+ {2}random_features [\d.]+/);
    expect(await readFile(join(run, 'report.html'), 'utf8')).toContain('random_features');
    const config = parse(await readFile(join(run, 'config.yaml'), 'utf8'));
    expect(config).not.toHaveProperty('win-rad'); // cap-vstnet's
    const again = await command('train', '-C', join(run, 'config.yaml'), '--name', 'again', '--print-config');
    expect(again.code, again.stderr).toBe(0);
    expect(parse(again.stdout)).toMatchObject({ ngf: 2, 'vgg-channels': [2, 2, 2, 2, 2], data: 'land' });
  }, 240_000);

  it('takes less memory in half precision, and says what is stored in it', async () => {
    const forecast = async (precision: string) => {
      const args = `train gaugan --data ${join(cwd, 'land')} --runs ${join(cwd, 'runs')} --dataset-mode landscape ${small}`;
      const { code, stderr } = await command(...args.split(' '), '--dry-run', '--precision', precision);
      expect(code, stderr).toBe(0);
      return { stderr, mib: Number(/about ([\d.]+) MiB/.exec(stderr)?.[1]) };
    };
    const [full, half] = [await forecast('f32'), await forecast('f16')];
    expect(half.stderr).toMatch(/Precision: f16 for activations.*the losses are scaled/);
    expect(half.mib).toBeLessThan(full.mib);
  }, 120_000);

  it('says before it starts what is wrong with the data, and with the flags', async () => {
    const refusal = async (args: string) => {
      const { code, stderr } = await command('train', 'gaugan', ...args.split(' '));
      return [code, stderr];
    };
    const places = `--data ${join(cwd, 'land')} --runs ${join(cwd, 'runs')}`;
    const land = `${places} --dataset-mode landscape ${small} --steps 1 --name bad`;
    expect(await refusal(`${land} --label-nc 5`)).toEqual([4, expect.stringMatching(/labels.\d+\.png.*--label-nc/)]);
    expect(await refusal(`${land} --preprocess-mode fixed --crop-size 64 --aspect-ratio 1.333`)).toEqual([
      2,
      expect.stringMatching(/expected samples of 64 x 64.* but they are 64 x 48.*multiple of 32/),
    ]);
    expect(await refusal(`${land} --batch-size 1`)).toEqual([
      2,
      expect.stringMatching(/--batch-size 1: .*grid of 1 x 1/),
    ]);
    expect(await refusal(`${land} --net-g pix2pixhd --use-vae`)).toEqual([2, expect.stringMatching(/no latent/)]);
    expect(await refusal(`${land} --vgg-channels 1,2`)).toEqual([2, expect.stringMatching(/five widths/)]);
    expect(await refusal(`${land} --win-rad 2`)).toEqual([2, expect.stringMatching(/gaugan has no such option/)]);
    await writeFile(join(cwd, 'land', 'labels', 'more.png'), 'no picture');
    await writeImage(join(cwd, 'land', 'images', 'other.png'), {
      width: 4,
      height: 4,
      bitDepth: 8,
      rgb: new Uint8Array(48),
    });
    expect(await refusal(land)).toEqual([4, expect.stringMatching(/(more|other)\.png.* same name/)]);
  }, 120_000);
});
