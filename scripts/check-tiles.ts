/**
 * Repaints a drawn landscape whole and in tiles and compares: `tsx scripts/check-tiles.ts [SIZE] [TILE] [MODE]`. With
 * the defaults, 1024 and 736, the tiles are 4 × 4, four of them interior; a quarter of an hour on a software driver.
 * Exit code 1 when any value differs by more than 1e-4 in [0, 1].
 */
import { acquireDevice } from '../engine/device/node.ts';
import { stylize } from '../models/cap-vstnet/stylize.ts';
import { planStylize } from '../models/cap-vstnet/stylize-plan.ts';
import { toPlanar } from '../train/data/image/picture.ts';
import { drawLandscape, type MoodName } from '../train/data/synth/landscape.ts';
import { loadCapVstnet } from '../train/infer/load-cap-vstnet.ts';

const LIMIT = 1e-4;
const [size = '1024', tile = '736', mode = 'photo'] = process.argv.slice(2);

function drawn(width: number, height: number, seed: number, mood: MoodName) {
  return { planar: toPlanar(drawLandscape(width, height, seed, mood)), width, height };
}

const device = await acquireDevice();
const { net } = await loadCapVstnet(device, { mode: mode === 'art' ? 'art' : 'photo' });
const content = drawn(Number(size), Number(size), 7, 'noon');
const styles = [{ picture: drawn(256, 256, 18, 'dusk'), weight: 1 }];
const results: Float32Array[] = [];
for (const side of [undefined, Number(tile)]) {
  const plan = planStylize(net, content, side);
  if (side !== undefined && plan.tiles.length < 9) {
    throw new Error(`Expected at least 3 x 3 tiles, but --tile ${side} gives ${plan.tiles.length}. Use smaller tiles.`);
  }
  const started = performance.now();
  results.push(await stylize(net, content, styles, { tile: side }));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${plan.tiles.length} tile(s), ${plan.overhead.toFixed(2)} times the work: ${seconds} s`);
}
device.destroy();

const [whole, tiled] = results;
const clamp = (value: number) => Math.min(1, Math.max(0, value));
let worst = 0;
for (let i = 0; i < whole.length; i++) worst = Math.max(worst, Math.abs(clamp(whole[i]) - clamp(tiled[i])));
const changed = whole.reduce((sum, value, i) => sum + Math.abs(value - content.planar[i]), 0) / whole.length;
console.log(`mean change of the content: ${changed.toFixed(3)}`);
console.log(`largest difference between tiled and whole: ${worst.toExponential(2)} (limit ${LIMIT})`);
if (!(worst <= LIMIT)) process.exitCode = 1;
