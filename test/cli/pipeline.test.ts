/** `miaobi pipeline`, from label maps to a zip file, with small networks that nobody trained. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { parameterSpecs } from '../../models/cap-vstnet/config.ts';
import { damped, initialParameters } from '../../models/cap-vstnet/parameters.ts';
import { serialize } from '../../models/checkpoint/safetensors.ts';
import { float32Tensor } from '../../models/checkpoint/tensor-map.ts';
import { encodeIds } from '../../train/data/image/encode-ids.ts';
import { readImage } from '../../train/data/image/read.ts';
import { type Planes, psnr } from '../../train/eval/image-similarity.ts';
import { writeGaugan } from './gaugan-weights.ts';
import { command } from './in-process.ts';
import { folderOfFile, scenePng } from './pictures.ts';

const { at } = folderOfFile();

const SMALL = { nBlocks: [1, 1, 1], nStrides: [1, 2, 2], nChannels: [8, 32, 128], inChannel: 3, mult: 4 };
const NAMES = ['1', '2', '3'];

async function labelMap(name: string, labels: readonly number[], folder = 'labels'): Promise<void> {
  const ids = Uint8Array.from({ length: 32 * 32 }, (_, i) => labels[Math.floor((i / (32 * 32)) * labels.length)]);
  await writeFile(at(folder, `${name}.png`), await encodeIds(ids, 32, 32));
}

beforeAll(async () => {
  for (const folder of ['labels', 'photos', 'real']) await mkdir(at(folder));
  await labelMap('1', [0, 1]);
  await labelMap('2', [2, 3, 4]);
  await labelMap('3', [4, 0]);
  await scenePng(at('photos', 'dusk.png'), 40, 32, 'dusk');
  await scenePng(at('photos', 'moss.png'), 32, 32, 'moss');
  for (const name of NAMES) await scenePng(at('real', `${name}.png`), 32, 32, 'noon');
  await writeFile(at('list.json'), JSON.stringify({ '1.png': 'dusk.png', '2.png': 'moss.jpg', '3': 'dusk.png' }));
  await writeGaugan(at('gaugan'));
  const config = { ...SMALL, hiddenDim: 8, spSteps: 2 };
  const source = damped(config, initialParameters(0));
  const tensors = parameterSpecs(config).map(
    (spec, i) => [spec.key, float32Tensor(spec.shape, Float32Array.from(source(spec, i)))] as const,
  );
  const header = new Map([['config', JSON.stringify(config)]]);
  await writeFile(at('photo.safetensors'), serialize(new Map(tensors), header));
  await writeFile(at('recipe.yaml'), recipeText);
});

const recipeText = `
labels: ${at('labels')}
references: ${at('photos')}
label_to_img: ${at('list.json')}
truth: ${at('real')}
output: ${at('out')}
generate: { weights: ${at('gaugan')}, size: 40x32 }
stylize: { weights: ${at('photo.safetensors')}, format: png }
merge: { alpha: 0.5 }
zip: true
`;

interface Stage {
  stage: string;
  pictures: number;
  made: number;
  skipped: number;
  failed: Record<string, string>;
}

/** Runs the recipe; stages by name. */
async function pipeline(...args: string[]) {
  const ended = await command('pipeline', at('recipe.yaml'), '--json', '--no-color', ...args);
  const stages: Stage[] = ended.stdout === '' ? [] : JSON.parse(ended.stdout).stages;
  const counts = Object.fromEntries(stages.map(({ stage, made, skipped }) => [stage, [made, skipped]]));
  return { ...ended, stages, counts };
}

async function planesOf(path: string): Promise<Planes> {
  const { rgb, width, height } = await readImage(path);
  return { planes: Float32Array.from(rgb, (value) => value / 255), width, height };
}

const zipped = async () => unzipSync(new Uint8Array(await readFile(at('out', 'zip', 'result.zip'))));

describe('a recipe', () => {
  it('runs its stages, and zips the last pictures by the names of their label maps', async () => {
    const { code, stderr, counts } = await pipeline();
    expect(code, stderr).toBe(0);
    expect(counts).toEqual({ generate: [3, 0], stylize: [3, 0], merge: [3, 0], zip: [3, 0] });
    expect((await readdir(at('out'))).sort()).toEqual(['generate', 'manifest.json', 'merge', 'stylize', 'zip']);
    expect((await readdir(at('out', 'stylize'))).sort()).toEqual(['1.png', '2.png', '3.png']);
    const entries = await zipped();
    expect(Object.keys(entries)).toEqual(['1.jpg', '2.jpg', '3.jpg']);
    expect(Buffer.from(entries['2.jpg'])).toEqual(await readFile(at('out', 'merge', '2.jpg')));
  });

  it('makes nothing twice, and needs no device to see that', async () => {
    const before = await readFile(at('out', 'zip', 'result.zip'));
    const { stderr, counts } = await pipeline();
    expect(counts).toEqual({ generate: [0, 3], stylize: [0, 3], merge: [0, 3], zip: [0, 3] });
    expect(stderr).not.toContain('Device:');
    await pipeline('--from', 'zip', '--force');
    expect(await readFile(at('out', 'zip', 'result.zip'))).toEqual(before);
  });

  it('makes anew what hangs on a change: a label map, a lost picture, an option', async () => {
    await labelMap('2', [2, 4, 3]);
    await rm(at('out', 'stylize', '3.png'));
    const { counts } = await pipeline();
    expect(counts).toEqual({ generate: [1, 2], stylize: [2, 1], merge: [1, 2], zip: [3, 0] });
    const { counts: mixed } = await pipeline('--set', 'merge.alpha=0.25', 'zip=false');
    expect(mixed).toEqual({ generate: [0, 3], stylize: [0, 3], merge: [3, 0] });
    const { counts: planned } = await pipeline('--dry-run', '--set', 'generate.size=keep');
    expect(planned).toEqual({ generate: [3, 0], stylize: [3, 0], merge: [3, 0], zip: [3, 0] });
  });

  it('makes all pictures anew in another precision', async () => {
    const { counts, code, stderr } = await pipeline('--dry-run', '--precision', 'f16');
    expect(code, stderr).toBe(0);
    expect(counts).toMatchObject({ generate: [3, 0], stylize: [3, 0] });
    const half = await pipeline('--precision', 'f16', '--to', 'stylize', '-o', at('half'));
    expect([half.code, half.counts.stylize]).toEqual([0, [3, 0]]);
    for (const name of NAMES) {
      const [want, got] = await Promise.all(
        ['out', 'half'].map((folder) => planesOf(at(folder, 'stylize', `${name}.png`))),
      );
      const distance = psnr(want, got);
      expect(distance).toBeGreaterThan(35);
      expect(distance).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });

  it('measures against the real pictures, the references and what was generated', async () => {
    const { code, stderr, stages } = await pipeline('--set', 'merge=false', 'eval=true', 'zip=false');
    expect(code, stderr).toBe(0);
    expect(stages.at(-1)).toMatchObject({ stage: 'eval', pictures: 6, made: 6, skipped: 0 });
    const report = JSON.parse(await readFile(at('out', 'eval', 'report.json'), 'utf8'));
    expect(report.distance).toMatchObject({ measure: 'random-feature distance', real: 3 });
    const [generated, stylized] = report.sets;
    expect(generated).toMatchObject({ stage: 'generate', pictures: 3 });
    for (const key of ['distance', 'l1', 'truth', 'gram', 'style', 'colours']) {
      expect(Number.isFinite(generated[key]), key).toBe(true);
    }
    expect(generated.ssim).toBeUndefined();
    expect(stylized.ssim).toBeLessThan(1);
    // the transfer brings the colours of the reference
    expect(stylized.colours).toBeGreaterThan(generated.colours);
    expect(existsSync(at('out', 'eval', 'sheet.jpg'))).toBe(true);
    const again = await pipeline('--set', 'merge=false', 'eval=true', 'zip=false');
    expect(again.stages.at(-1)).toMatchObject({ stage: 'eval', made: 0, skipped: 6 });
  });

  it('takes pictures of others with --from, as they are', async () => {
    await copyFile(at('real', '1.png'), at('out', 'generate', '1.png'));
    const { counts } = await pipeline('--from', 'stylize', '--to', 'stylize');
    expect(counts).toEqual({ stylize: [1, 2] });
    const { counts: from } = await pipeline('--to', 'generate');
    expect(from).toEqual({ generate: [1, 2] });
  });

  it('matches classes where the photos have label maps, and names photos that lack one', async () => {
    await mkdir(at('maps'));
    await labelMap('dusk', [4, 0, 1], 'maps');
    const plain = await readFile(at('out', 'stylize', '1.png'));
    const { code, stages } = await pipeline(
      '--from=stylize',
      '--to=stylize',
      '--set',
      `stylize.reference-labels=${at('maps')}`,
    );
    expect(code).toBe(4);
    expect(stages[0]).toMatchObject({ made: 2, failed: { 2: expect.stringContaining('among reference-labels') } });
    expect((await readFile(at('out', 'stylize', '1.png'))).equals(plain)).toBe(false);
  });

  it('names pictures that fail, makes the others, and ends with exit code 4', async () => {
    await labelMap('2', [0, 7]);
    const list = JSON.stringify({ '1.png': 'dusk.png', '2.png': 'moss.jpg', '3.png': 'gone.png' });
    await writeFile(at('list.json'), list);
    const { code, stderr, stages } = await pipeline('--set', 'merge=false');
    expect(code).toBe(4);
    const [generate, stylize, zip] = stages;
    expect(Object.keys(generate.failed).sort()).toEqual(['2', '3']);
    expect(generate.failed['2']).toMatch(/2\.png: expected labels from 0 to 4/);
    expect(generate.failed['3']).toMatch(/3\.png: expected its reference photo, but gone\.png is not in/);
    expect(stylize).toMatchObject({ pictures: 1, failed: {} });
    expect(zip).toMatchObject({ pictures: 1 });
    expect(Object.keys(await zipped())).toEqual(['1.jpg']);
    expect(stderr).toContain('zip: 2 of 3 pictures are missing: 2, 3');
    expect(stderr.trim().split('\n').at(-1)).toMatch(/error: 2 of 3 pictures failed: (2, 3|3, 2)$/);
    expect((await readdir(at('out', 'generate'))).sort()).toEqual(['1.png']);
  });
});
