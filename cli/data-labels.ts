/** `miaobi data labels`: label maps between colours and ids. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from './errors.ts';
import { globalsOf, logOf, wholeNumber } from './options.ts';

interface LabelsFlags {
  readonly to: 'ids' | 'color';
  readonly palette?: string;
  readonly labelNc?: number;
  readonly nearest?: boolean;
  readonly size?: Size;
  readonly sheet?: string;
  readonly overwrite?: boolean;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Tiles of the contact sheet: in a row, and their sides in pixels. */
const [TILES, TILE] = [6, 160];

export function registerDataLabels(data: Command): void {
  data
    .command('labels')
    .description('turn label maps of colours into class ids, or ids into colours')
    .argument('<in>', 'a label map, a folder of them, or a pattern')
    .argument('<out>', 'folder for the PNG files, which keep their names')
    .addOption(
      new Option('--to <kind>', 'ids: 8-bit PNG of one channel, to train with; color: to look at')
        .choices(['ids', 'color'])
        .default('ids'),
    )
    .option('--palette <file>', 'which colour is which class: JSON, or lines ID R G B NAME')
    .option(
      '--label-nc <n>',
      "colours of a network of so many classes, as the original's, without --palette",
      wholeNumber(1, 255),
    )
    .option('--nearest', 'take the nearest colour of the palette in place of one that it does not have')
    .option('--size <WxH>', 'resize to the nearest pixel', sizeOf)
    .option('--sheet <file>', 'also a picture with all of them, small and in colours')
    .option('--overwrite', 'replace files that exist')
    .addHelpText('after', '\nFor example: miaobi data labels painted/ labels/ --palette palette.json --to ids')
    .action(convert);
}

/** `512x384` or `256`. */
function sizeOf(text: string): Size {
  const [width, height = width, ...rest] = text.split(/[x×,]/).map(Number);
  const isSide = (side: number) => Number.isInteger(side) && side >= 1 && side <= 16384;
  if (rest.length === 0 && isSide(width) && isSide(height)) return { width, height };
  throw new InvalidArgumentError('Expected a size such as 512x384, or 256 for a square.');
}

async function convert(input: string, out: string, flags: LabelsFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const log = logOf(globals);
  const { basename, extname, join } = await import('node:path');
  const { expandInputs } = await import('../train/data/image/expand.ts');
  const { assertFree, writeAtomic } = await import('../train/atomic-write.ts');
  const { assertWritable, writeImage } = await import('../train/data/image/write.ts');
  const { coloursOfClasses, labelColourMap } = await import('../train/data/image/label-colours.ts');
  const { paletteColours, readPalette } = await import('../train/data/image/palette.ts');
  const { inColours, labelsOf } = await import('../train/data/datasets/convert-labels.ts');
  const { encodeIds } = await import('../train/data/image/encode-ids.ts');
  const { runBatch } = await import('./batch.ts');
  const { startProgress } = await import('./progress.ts');

  const palette = flags.palette === undefined ? undefined : await readPalette(flags.palette);
  const colours = palette
    ? paletteColours(palette)
    : flags.labelNc === undefined
      ? labelColourMap(256)
      : coloursOfClasses(flags.labelNc);
  const paths = await expandInputs([input]);
  const targets = paths.map((path) => join(out, `${basename(path, extname(path))}.png`));
  const twice = targets.find((path, i) => targets.indexOf(path) < i);
  if (twice)
    throw new CliError(`${twice}: expected one label map of this name, but ${input} has two. Convert them apart.`);
  for (const path of targets) await assertFree(path, flags.overwrite);
  if (flags.sheet !== undefined) await assertWritable(flags.sheet, flags);
  if (globals.dryRun) {
    log.info(`Would write ${paths.length} label maps as ${flags.to} into ${out}.`);
    return;
  }
  const tiles: Uint8Array[] = [];
  const written: string[] = [];
  const progress = await startProgress({ total: paths.length, log });
  const result = await runBatch(
    paths,
    async (path, i) => {
      const labels = await labelsOf(path, { palette, nearest: flags.nearest, size: flags.size });
      const shown = flags.to === 'color' || flags.sheet !== undefined ? inColours(path, labels, colours) : undefined;
      if (flags.to === 'color') await writeImage(targets[i], shown!, flags);
      else await writeAtomic(targets[i], await encodeIds(labels.ids, labels.width, labels.height), flags.overwrite);
      if (flags.sheet !== undefined) tiles.push(await tileOf(shown!));
      written.push(targets[i]);
      progress.advance(1);
    },
    { progress, report: (line) => log.error(line), debug: globals.debug },
  );
  progress.finish();
  if (flags.sheet !== undefined && tiles.length > 0) {
    const { tilePictures } = await import('../train/data/image/label-colours.ts');
    const all = new Uint8Array(tiles.length * tiles[0].length);
    for (const [i, tile] of tiles.entries()) all.set(tile, i * tile.length);
    const sheet = tilePictures(all, TILE, TILE, Math.min(TILES, tiles.length));
    await writeImage(flags.sheet, { ...sheet, bitDepth: 8 }, flags);
    written.push(flags.sheet);
  }
  process.stdout.write(
    globals.json ? `${JSON.stringify({ out, files: written, failed: result.failed }, null, 2)}\n` : `${out}\n`,
  );
  if (result.failed > 0) {
    throw new CliError(
      `${input}: expected ${paths.length} label maps, but ${result.failed} could not be converted, for the reasons above.`,
      result.exitCode,
    );
  }
}

/** [TILE, TILE, 3]: the map in a square, its proportions given up. */
async function tileOf(picture: { width: number; height: number; rgb: Uint8Array }): Promise<Uint8Array> {
  const { pillowResize } = await import('../train/data/image/pillow-resize.ts');
  return pillowResize({ ...picture, channels: 3, pixels: picture.rgb }, TILE, TILE, 'box').pixels;
}
