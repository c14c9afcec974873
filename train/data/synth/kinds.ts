/** The data sets that can be drawn. A new kind is a file of its own and an entry here; it is loaded when it is drawn. */
import type { SynthKind } from './kind.ts';

export interface SynthEntry {
  /** as in `miaobi synth-data KIND` */
  readonly name: string;
  /** what is in it, for the help */
  readonly description: string;
  readonly load: () => Promise<SynthKind>;
}

export const SYNTH_KINDS: readonly SynthEntry[] = [
  {
    name: 'style',
    description: 'content/ and style/: landscapes by day, and others at dusk, by night, in autumn, in storm',
    load: async () => (await import('./style-set.ts')).styleSet,
  },
  {
    name: 'landscape',
    description:
      'labels/ of 29 classes, images/ of them, references/ in the same light, label_to_img.json, palette.json',
    load: async () => (await import('./landscape-set.ts')).landscapeSet,
  },
  {
    name: 'video',
    description: 'frames/ of a film from noon to dusk (--count of them), style.png, and clip.mp4 where ffmpeg is',
    load: async () => (await import('./video-set.ts')).videoSet,
  },
];

/** @throws RangeError when there is no such kind */
export function synthEntry(name: string): SynthEntry {
  const entry = SYNTH_KINDS.find((one) => one.name === name);
  if (entry) return entry;
  const known = SYNTH_KINDS.map((one) => one.name).join(', ');
  throw new RangeError(`synth-data: expected one of ${known}, but got ${name}.`);
}
