/** Everything that can be wrong with what `miaobi stylize` is given: the message, the exit code, and nothing written. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serialize } from '../../models/checkpoint/safetensors.ts';

import * as pickle from '../checkpoint/pickle-writer.ts';
import { torchZip } from '../checkpoint/zip-writer.ts';
import { command } from './in-process.ts';
import { folderOfFile, pixels, scene, scenePng, weightsFile } from './pictures.ts';
import { type Ended, miaobi } from './spawn.ts';

const { at, path: folder } = folderOfFile();
const out = at('out');
const stylize = (...args: string[]) =>
  command('stylize', '--weights', at('photo.safetensors'), '--no-color', '-o', out, ...args);

/** A PNG of one bit a pixel: small as a file whatever its size. */
function hugePng(width: number, height: number): Buffer {
  const chunk = (type: string, body: Uint8Array) => {
    const named = Buffer.concat([Buffer.from(type), body]);
    const framed = Buffer.alloc(8 + named.length);
    framed.writeUInt32BE(body.length);
    named.copy(framed, 4);
    framed.writeUInt32BE(crc32(named), 4 + named.length);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc((1 + Math.ceil(width / 8)) * height), { level: 1 });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', new Uint8Array())]);
}

beforeAll(async () => {
  await weightsFile(at('photo.safetensors'));
  await scenePng(at('content.png'), 24, 20, 'noon');
  await scenePng(at('style.png'), 20, 24, 'dusk');
  await scenePng(at('large.png'), 192, 128, 'noon');
  await mkdir(at('mixed'));
  await mkdir(at('empty'));
  await writeFile(at('empty', 'notes.txt'), 'no picture');
  const jpeg = await pixels(scene(64, 64, 'noon'))
    .jpeg()
    .toBuffer();
  await writeFile(at('mixed', 'truncated.jpg'), jpeg.subarray(0, jpeg.length / 2));
  await writeFile(at('mixed', 'nothing.png'), '');
  await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .png()
    .toFile(at('mixed', 'one.png'));
  await writeFile(at('mixed', 'huge.png'), hugePng(20_000, 20_000));
  await writeFile(at('mixed', 'renamed.png'), 'Dear diary,\nno pixels today.\n');
});

/** Asserts a refusal of one paragraph that says what to do, and that nothing was written. */
async function expectRefusal({ code, stdout, stderr }: Ended, exitCode: number, message: RegExp): Promise<void> {
  const paragraph = stderr.slice(stderr.indexOf('error: ')).trim();
  expect(paragraph).toMatch(message);
  expect([code, stdout]).toEqual([exitCode, '']);
  expect(paragraph).not.toContain('\n\n');
  expect(paragraph).not.toMatch(/^ +at /m);
  expect(paragraph.length).toBeLessThan(900);
  if (existsSync(out)) expect(await readdir(out)).toEqual([]);
}

describe('pictures', () => {
  it.each([
    ['a missing file', 'gone.png', 2, /gone\.png: expected a picture.*no such file\. Check the spelling/],
    ['a pattern without a match', 'gone*.png', 2, /gone\*\.png: .*nothing matches\. Check the pattern/],
    ['a folder without pictures', 'empty', 4, /empty: expected pictures in this folder .* 1 other file/],
    ['a truncated JPEG', 'mixed/truncated.jpg', 4, /truncated\.jpg: expected a whole 64 x 64 jpeg.*Copy or download/],
    ['a file of 0 bytes', 'mixed/nothing.png', 4, /nothing\.png: .*the file is empty \(0 bytes\)\. Copy or download/],
    ['a picture of 1 x 1', 'mixed/one.png', 4, /one\.png: expected .*at least 2 pixels a side.*1 x 1.*larger one/],
    ['one of 20000 x 20000', 'mixed/huge.png', 4, /huge\.png: 20000 x 20000 is 400,000,000 pixels.*--max-size/],
    [
      'text with a picture’s name',
      'mixed/renamed.png',
      4,
      /renamed\.png: .*is text that begins “Dear diary,”.*convert/,
    ],
  ])('refuses %s, as content and as style', async (_, name, exitCode, message) => {
    await expectRefusal(await stylize(at(name), '--style', at('style.png')), exitCode, message);
    await expectRefusal(await stylize(at('content.png'), '--style', at(name)), exitCode, message);
  });

  it('goes on after a bad file and ends with the exit code of the first', async () => {
    await scenePng(at('mixed', 'm1.png'), 16, 12, 'moss');
    await scenePng(at('mixed', 'z2.png'), 12, 16, 'noon');
    const into = at('batch');
    const args = [at('mixed'), '--style', at('style.png'), '--weights', at('photo.safetensors'), '-o', into];
    const { code, stdout, stderr } = await command('stylize', ...args);
    expect(code).toBe(4);
    expect(stdout.trim().split('\n')).toEqual([at('batch', 'm1_style.png'), at('batch', 'z2_style.png')]);
    expect((await readdir(into)).sort()).toEqual(['m1_style.png', 'z2_style.png']);
    for (const name of ['truncated.jpg', 'nothing.png', 'one.png', 'huge.png', 'renamed.png']) {
      expect(stderr).toMatch(new RegExp(`^error: .*${name}: `, 'm'));
    }
    expect(stderr).toContain('error: 5 of 7 pictures failed.');
  });
});

describe('weights', () => {
  const withWeights = (path: string) =>
    command('stylize', at('content.png'), '--style', at('style.png'), '--weights', path, '-o', out, '--no-color');

  it('refuses those of another model and lists what differs', async () => {
    const bytes = new Uint8Array(4 * 9);
    const other = new Map([['features.0.weight', { dtype: 'F32' as const, shape: [1, 1, 3, 3], bytes }]]);
    await writeFile(at('vgg.safetensors'), serialize(other));
    await expectRefusal(await withWeights(at('vgg.safetensors')), 5, /vgg\.safetensors for cap-vstnet.*stack\.0/s);
  });

  it('refuses a truncated file', async () => {
    const whole = await readFile(at('photo.safetensors'));
    await writeFile(at('cut.safetensors'), whole.subarray(0, whole.length - 1000));
    await expectRefusal(await withWeights(at('cut.safetensors')), 5, /cut\.safetensors/);
  });

  it('refuses a header that claims 10 GB, without asking for the memory', async () => {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(10_000_000_000n);
    await writeFile(at('claims.safetensors'), Buffer.concat([head, Buffer.from('{}')]));
    const before = process.memoryUsage().rss;
    await expectRefusal(
      await withWeights(at('claims.safetensors')),
      5,
      /claims\.safetensors.*10000000000|10,000,000,000/s,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 30);
    await truncate(at('claims.safetensors'), 11_000_000_000); // now as long as it claims, on paper
    await expectRefusal(await withWeights(at('claims.safetensors')), 5, /claims\.safetensors/);
  });

  it('refuses a pickle that runs something, and runs nothing', async () => {
    const canary = at('canary');
    const attack = pickle.pickle(
      pickle.join(pickle.global('os', 'system'), pickle.tuple(pickle.text(`touch ${canary}`)), pickle.REDUCE),
    );
    await writeFile(at('photo_image.pt'), torchZip(attack));
    await expectRefusal(await withWeights(at('photo_image.pt')), 5, /photo_image\.pt.*os\.system/s);
    expect(existsSync(canary)).toBe(false);
  });

  it('refuses a file that is not there', async () => {
    await expectRefusal(await withWeights(at('gone.safetensors')), 2, /gone\.safetensors: expected .*Check the path/);
  });
});

describe('outputs', () => {
  const into = (...args: string[]) => command('stylize', at('content.png'), '--style', at('style.png'), ...args);

  it('leaves an existing file alone without --overwrite', async () => {
    await writeFile(at('taken.png'), 'precious');
    await expectRefusal(await into('-o', at('taken.png')), 2, /taken\.png: .*already there.*--overwrite/);
    expect(await readFile(at('taken.png'), 'utf8')).toBe('precious');
  });

  it('refuses a place that cannot be written, and a format that it does not know', async () => {
    await writeFile(at('file'), 'in the way');
    await expectRefusal(await into('-o', at('file', 'deep', 'a.png')), 2, /part of the path is a file.*another place/);
    await expectRefusal(await into('-o', at('a.xyz')), 2, /a\.xyz: expected a name that ends in \.png .*Use \.png/);
    expect(await readFile(at('file'), 'utf8')).toBe('in the way');
  });

  it('refuses one file for several pictures, and one name for two', async () => {
    const two = [at('content.png'), at('large.png')];
    const style = ['--style', at('style.png')];
    await expectRefusal(
      await command('stylize', ...two, ...style, '-o', at('a.png')),
      2,
      /-o .*a\.png: expected a folder for 2 pictures/,
    );
    await mkdir(at('same'));
    await scenePng(at('same', 'content.png'), 8, 8, 'noon');
    const alike = [at('content.png'), at('same', 'content.png')];
    await expectRefusal(
      await command('stylize', ...alike, ...style, '-o', out),
      2,
      /would both become.*different folders/,
    );
  });
});

describe('flags', () => {
  afterEach(() => expect(existsSync(out)).toBe(false));
  const both = [at('content.png'), '--style', at('style.png')];

  it.each<[string, string[], RegExp]>([
    ['no style', [at('content.png')], /--style: expected a style picture, for example/],
    ['two strengths', [...both, '--alpha', '0.5', '--alpha-c', '0.5'], /--alpha and --alpha-c.*Leave one out/],
    [
      'more shares than styles',
      [...both, '--style-weight', '1', '2'],
      /--style-weight: .*2 came for 1 styles.*as many/,
    ],
    ['shares of nothing', [...both, '--style-weight', '0'], /--style-weight: expected a share above 0.*Raise/],
    ['a content mask alone', [...both, '--content-seg', at('style.png')], /Masks: .*a --content-seg and 0 --style-seg/],
    ['a style mask alone', [...both, '--style-seg', at('style.png')], /Masks: .*no --content-seg and 1 --style-seg/],
    [
      'a mask that is not there',
      [...both, '--content-seg', at('no.png'), '--style-seg', at('no.png')],
      /no\.png: .*no such/,
    ],
    [
      'one mask for two pictures',
      [at('large.png'), ...both, '--content-seg', at('style.png'), '--style-seg', at('style.png')],
      /--content-seg: .*2 came.*one by one/,
    ],
    ['a tile that is all halo', [...both, '--tile', '480'], /--tile 480: expected at least 484.*--tile 1024/],
    ['a strength above 1', [...both, '--alpha', '1.5'], /'1\.5' is invalid.*from 0 to 1/],
    ['a mode that no network has', [...both, '--mode', 'oil'], /'oil' is invalid.*photo, art/],
    ['a slip of the finger', [...both, '--overwirte'], /unknown option '--overwirte'.*mean --overwrite/s],
  ])('refuses %s', async (_, args, message) => {
    await expectRefusal(await command('stylize', ...args, '-o', out, '--no-color'), 2, message);
  });
});

describe('devices', () => {
  it('says which size fits where the memory does not suffice', async () => {
    const tight = ['--style', at('style.png'), '--memory-limit', '20'];
    const refused = await stylize(at('large.png'), ...tight);
    await expectRefusal(refused, 6, /large\.png: .*fits into 20\.0 MiB.*192 x 128 does not.*largest size that fits is/);
    const [, width, height, side] = /fits is (\d+) x (\d+): give --max-size (\d+)/.exec(refused.stderr) ?? [];
    expect(Number(side)).toBe(Number(width));
    expect(Math.abs(Number(height) - (Number(width) * 2) / 3)).toBeLessThan(1);
    const next = await stylize(at('large.png'), ...tight, '--max-size', String(Number(side) + 1));
    await expectRefusal(next, 6, /does not/);
    const fitting = await stylize(at('large.png'), ...tight, '--max-size', side, '-o', at('fits.png'));
    expect(fitting).toMatchObject({ code: 0, stdout: `${at('fits.png')}\n` });
    const { width: w, height: h } = await sharp(at('fits.png')).metadata();
    expect([w, h]).toEqual([Number(width), Number(height)]);
  });

  it('ends with 3 and the way to a driver where there is no adapter', async () => {
    const none = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' };
    const ended = await miaobi(['stylize', at('content.png'), '--style', at('style.png'), '-o', at('none.png')], {
      env: none,
    });
    await expectRefusal(ended, 3, /No usable GPU adapter.*npm run setup/);
    expect(existsSync(at('none.png'))).toBe(false);
  });
});

it('leaves no half-written file anywhere', async () => {
  const names = await readdir(folder, { recursive: true });
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
