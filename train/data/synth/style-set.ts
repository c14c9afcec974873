/** `synth-data style`: landscapes by day to repaint, and landscapes in strong light to take it from. */
import type { Picture } from '../image/picture.ts';
import { shellWord } from '../shell-word.ts';
import { encodePng } from './encode-png.ts';
import type { SynthFile, SynthKind, SynthRequest } from './kind.ts';
import type { MoodName } from './moods.ts';
import { drawVaried } from './varied-landscape.ts';

const FOLDERS: Readonly<Record<string, { readonly moods: readonly MoodName[]; readonly tint: number }>> = {
  content: { moods: ['noon', 'spring', 'overcast', 'winter'], tint: 0.05 },
  style: { moods: ['dusk', 'moonlight', 'autumn', 'dawn', 'storm', 'desert'], tint: 0.14 },
};

/** Numbers of the random streams: those of the two folders lie apart, each picture takes two. */
const OP = 0x5e700000;

export const styleSet: SynthKind = {
  sizes: [16, 4096],
  files({ count, size, seed }) {
    return Object.entries(FOLDERS).flatMap(([folder, { moods, tint }], f) => {
      const draw = (index: number): Picture =>
        drawVaried(size, size, moods, tint, { seed, step: index, op: OP + 2 * f });
      return Array.from(
        { length: count },
        (_, index): SynthFile => ({
          path: `${folder}/${String(index).padStart(5, '0')}.png`,
          encode: async () => encodePng(draw(index)),
        }),
      );
    });
  },
  next(out, { size }: SynthRequest) {
    const crop = Math.min(256, Math.max(8, Math.floor((0.8 * size) / 4) * 4));
    const sizes = `--load-size ${Math.max(crop, Math.min(512, size))} --crop-size ${crop}`;
    const folder = (name: string) => shellWord(`${out}/${name}`);
    return `miaobi train cap-vstnet --content ${folder('content')} --style ${folder('style')} ${sizes}`;
  },
};
