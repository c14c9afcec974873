/**
 * `npm run demo`: the main job on pictures that the project draws itself. Draws a landscape at noon and others in other
 * light, repaints the first in the light of the others, and writes content, style and result side by side.
 */
import { join } from 'node:path';
import { acquireDevice } from '../engine/device/node.ts';
import { channelStatistics } from '../train/data/image/channel-statistics.ts';
import { sideBySide } from '../train/data/image/contact-sheet.ts';
import { type Picture, toPlanar } from '../train/data/image/picture.ts';
import { writeImage } from '../train/data/image/write.ts';
import { drawLandscape, type MoodName } from '../train/data/synth/landscape.ts';
import { loadCapVstnet } from '../train/infer/load-cap-vstnet.ts';
import { pictureStylizer } from '../train/infer/stylize-picture.ts';
import { explain } from './errors.ts';

const OUT = 'out/demo';
const SIZE = { width: 384, height: 256 };
const SEED = 7;
const STYLES: readonly MoodName[] = ['dusk', 'autumn'];

async function demo(): Promise<void> {
  const started = performance.now();
  const device = await acquireDevice();
  const say = (line: string) => process.stdout.write(`demo: ${line}\n`);
  const { software, description } = device.info;
  say(`using ${description}${software ? ', a software driver: slow' : ''}`);
  const { net, description: weights } = await loadCapVstnet(device);
  say(`CAP-VSTNet with ${weights}: it carries over colours and contrasts, but has no trained look`);
  const content = drawLandscape(SIZE.width, SIZE.height, SEED, 'noon');
  for (const [k, mood] of STYLES.entries()) {
    const style = drawLandscape(SIZE.width, SIZE.height, SEED + 11 * (k + 1), mood);
    const began = performance.now();
    const planar = { planar: toPlanar(style), width: style.width, height: style.height };
    const result = await pictureStylizer(net, [{ picture: planar, weight: 1 }])(content);
    const file = join(OUT, `noon-as-${mood}.png`);
    await writeImage(file, sideBySide([content, style, result]), { overwrite: true });
    say(`${file}: content | style | result, ${((performance.now() - began) / 1000).toFixed(1)} s`);
    say(`  mean and deviation of red, green, blue: ${table({ content, style, result })}`);
  }
  say(
    `${((performance.now() - started) / 1000).toFixed(0)} s in all. Next: npm run miaobi -- stylize YOUR.jpg --style ANOTHER.jpg`,
  );
  device.destroy();
}

/** `content 0.48±0.21 …, style …, result …` */
function table(pictures: Record<string, Picture>): string {
  const cell = ({ mean, deviation }: { mean: number; deviation: number }) =>
    `${mean.toFixed(2)}±${deviation.toFixed(2)}`;
  return Object.entries(pictures)
    .map(([name, picture]) => `${name} ${channelStatistics(picture).map(cell).join(' ')}`)
    .join(', ');
}

try {
  await demo();
} catch (error) {
  const { text, exitCode } = explain(error, process.argv.includes('--debug'));
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}
