/**
 * `npm run demo`: the whole story, small. Draws landscapes and their label maps, trains GauGAN on them for some minutes,
 * paints label maps that it has not seen, repaints the pictures in the light of reference photos with CAP-VSTNet, measures,
 * and lays everything side by side. Each command line is shown before it runs. `--steps N` trains for so many updates.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { demoStory, STEPS } from './demo-story.ts';
import { CliError, explain } from './errors.ts';
import { wholeNumber } from './options.ts';
import { run } from './program.ts';
import { formatSeconds } from './progress.ts';
import { commandLine } from './train-once.ts';

const OUT = 'out/demo';

const EXPECT = `What a training of minutes shows: sky, water, land and trees where the label map has them, blurred, in the light of an
average day. CAP-VSTNet, with untrained weights, then brings the colours and contrasts of the reference. Sharp pictures
take the wide network, thousands of photos and a GPU: docs/training.md.`;

async function demo(): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const started = performance.now();
  const { folders, recipe, steps, results } = demoStory(OUT, stepsOf(process.argv.slice(2)));
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  await writeFile(recipe.path, recipe.text);
  for (const [i, { what, commands }] of steps.entries()) {
    say(`\ndemo ${i + 1}/${steps.length}: ${what}`);
    for (const argv of commands) {
      say(`$ ${commandLine(argv)}`);
      const code = await run(argv);
      if (code !== 0) return code;
    }
  }
  say(`\ndemo: done in ${formatSeconds((performance.now() - started) / 1000)}. To look at:`);
  const widest = Math.max(...results.map(([path]) => path.length));
  for (const [path, what] of results) say(`  ${path.padEnd(widest)}  ${what}`);
  say(EXPECT);
  return 0;
}

/** @throws CliError when there is more than `--steps N` */
function stepsOf(argv: readonly string[]): number {
  try {
    const options = { steps: { type: 'string', default: `${STEPS}` }, debug: { type: 'boolean' } } as const;
    return wholeNumber(1, 1_000_000)(parseArgs({ args: [...argv], options }).values.steps);
  } catch (error) {
    throw new CliError(
      `npm run demo: expected nothing or -- --steps N, but got ${argv.join(' ')}. ${(error as Error).message}`,
    );
  }
}

try {
  process.exitCode = await demo();
} catch (error) {
  const { text, exitCode } = explain(error, process.argv.includes('--debug'));
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}
