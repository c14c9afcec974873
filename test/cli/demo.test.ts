/** That the command lines of `npm run demo` are ones: it takes minutes, and is not run here. */
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { demoStory } from '../../cli/demo-story.ts';
import { readRecipe } from '../../train/pipeline/recipe.ts';
import { command } from './in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'miaobi-demo-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

it('tells a story of commands that take their flags, and of a recipe that can be read', async () => {
  const { recipe, steps, folders } = demoStory(join(folder, 'out'));
  await mkdir(join(folder, 'out'));
  await writeFile(recipe.path, recipe.text);
  for (const argv of steps.flatMap(({ commands }) => commands)) {
    const { code, stderr } = await command(...argv, '--print-config');
    expect(code, `${argv.join(' ')}: ${stderr}`).toBe(0);
  }
  const { labels, output, generate, stylize } = await readRecipe(recipe.path);
  expect(folders.some((one) => labels.startsWith(one))).toBe(true);
  expect(folders).toContain(output);
  expect(steps[1].commands[0].join(' ')).toContain('--name demo');
  expect(generate?.weights).toBe(join(folder, 'out', 'runs', 'demo'));
  expect(stylize?.weights).toBe('none');
});
