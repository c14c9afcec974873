/** Recipes of `miaobi pipeline`, as people write them. */
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRecipe } from '../../train/pipeline/recipe.ts';
import { command } from '../cli/in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'miaobi-recipe-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const file = join(folder, 'mine.yaml');

async function read(text: string, ...assignments: string[]) {
  await writeFile(file, text);
  return readRecipe(file, assignments);
}

const refused = (text: string, ...assignments: string[]) =>
  read(text, ...assignments).then(
    () => 'read',
    (error: Error) => `${error.name}: ${error.message.replaceAll(file, 'mine.yaml')}`,
  );

const LEAST = 'labels: maps\noutput: out\n';

describe('a recipe', () => {
  it('has defaults, and stages that are on, off or left out', async () => {
    const recipe = await read(`${LEAST}references: photos\nstylize: true\nzip: {}\neval: false\nmerge:\n`);
    expect(recipe.stylize).toMatchObject({ weights: 'none', alpha: 1, maxSize: 1280, quality: 95, format: 'jpg' });
    expect(recipe.zip).toEqual({ file: 'result.zip', format: 'jpg', quality: 95 });
    expect([recipe.generate, recipe.merge, recipe.eval]).toEqual([undefined, undefined, undefined]);
  });

  it('takes every spelling of a key, and --set over the file', async () => {
    const text = `${LEAST}references: photos\nlabel_to_img: a.json\nstylize: { maxSize: 64, alpha: 0.5 }`;
    const recipe = await read(text, 'stylize.alpha=0.25', 'labelToImg=b.json', 'generate.weights=60', 'zip=true');
    expect(recipe).toMatchObject({ labelToImg: 'b.json', stylize: { maxSize: 64, alpha: 0.25 } });
    expect(recipe.generate).toMatchObject({ weights: '60', size: 'keep' });
    expect(recipe.zip?.format).toBe('jpg');
  });

  it.each([
    [
      'an unknown key',
      `${LEAST}zip: { quallity: 3 }`,
      /mine\.yaml: zip\.quallity: no key .* zip has file, format, quality/,
    ],
    ['a wrong value', `${LEAST}zip: { quality: 300 }`, /mine\.yaml: zip\.quality: expected at most 100, but it is 300/],
    ['a wrong kind', `${LEAST}zip: { quality: much }`, /mine\.yaml: zip\.quality: expected a number, but it is "much"/],
    [
      'a wrong name',
      `${LEAST}zip: { format: gif }`,
      /mine\.yaml: zip\.format: expected one of png, jpg, webp, tif, but/,
    ],
    ['a size', `${LEAST}generate: { weights: a, size: big }`, /generate\.size: expected keep, network, or a size such/],
    ['a missing value', 'output: out\nzip: true', /mine\.yaml: labels: expected a value.*--set labels=VALUE/],
    ['weights that are missing', `${LEAST}generate: true`, /mine\.yaml: generate\.weights: expected a value/],
    ['no stage', LEAST, /expected at least one stage/],
    ['no photos', `${LEAST}stylize: true`, /mine\.yaml: references: expected the photos/],
    ['a merge of one', `${LEAST}merge: true`, /mine\.yaml: merge: expected stylize before it/],
    ['no YAML', 'labels: [', /mine\.yaml: expected YAML/],
    ['a list', '- labels', /mine\.yaml: expected lines such as "labels: DIR"/],
  ])('is refused for %s, with the key', async (_, text, message) => {
    expect(await refused(text)).toMatch(message);
    expect(await refused(text)).toMatch(/^RequestError: /);
  });

  it('keeps keys of --set out of the prototype', async () => {
    expect(await refused(`${LEAST}zip: true`, '__proto__.labels=x')).not.toBe('read');
    expect(({} as { labels?: unknown }).labels).toBeUndefined();
  });
});

describe('the contest', () => {
  it('comes along, prints as it is written, and asks for what it lacks', async () => {
    const { code, stdout } = await command('pipeline', 'contest', '--print');
    expect(code).toBe(0);
    expect(stdout).toContain('label-to-img:');
    await writeFile(file, stdout);
    const recipe = await readRecipe(file, ['labels=maps', 'references=photos', 'generate.weights=runs/a']);
    expect(recipe).toMatchObject({ output: 'out/contest', generate: { size: '512x384' } });
    expect(recipe).toMatchObject({
      stylize: { mode: 'photo', maxSize: 1280, quality: 95 },
      zip: { file: 'result.zip' },
    });
    const empty = await command('pipeline', 'contest', '--no-color');
    expect(empty.code).toBe(2);
    expect(empty.stderr).toMatch(/labels: expected a value/);
    const stage = await command(
      'pipeline',
      file,
      '--from',
      'merge',
      '--set',
      'labels=a',
      'references=b',
      'generate.weights=c',
    );
    expect(stage.stderr).toContain(
      '--from merge: expected a stage of the recipe, which has generate, stylize, eval, zip.',
    );
  });
});
