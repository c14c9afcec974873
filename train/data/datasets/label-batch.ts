/** Samples of label maps and pictures joined to a batch. */
import { RequestError } from '../../errors.ts';
import type { LabelPictureSample } from '../workers/label-picture-task.ts';
import type { LabelPair } from './label-files.ts';
import type { Size } from './preprocess.ts';

/** What one step trains on. */
export interface LabelPictures extends Size {
  /** the step; -1 for pairs that were held out */
  readonly step: number;
  readonly batchSize: number;
  /** [B, height, width] classes: 0 … labelNc - 1, and labelNc for "don't care" */
  readonly labels: Uint8Array<ArrayBuffer>;
  /** [B, height, width, 3] RGB, 8 bits; where the data set has pictures */
  readonly image?: Uint8Array<ArrayBuffer>;
  /** [B, height, width], 1 where instances meet; where the data set has instance maps */
  readonly edges?: Uint8Array<ArrayBuffer>;
  /** [B, height, width, 3] reference photos, not mirrored; where they were asked for */
  readonly reference?: Uint8Array<ArrayBuffer>;
  /** of the label maps, without folder and extension */
  readonly names: readonly string[];
}

/** A sample, and where it is from. */
export interface Picked {
  readonly pair: LabelPair;
  readonly sample: LabelPictureSample;
}

/** @throws RequestError when the samples are not of one size */
export function joined(step: number, picked: readonly Picked[]): LabelPictures {
  const [{ sample: first, pair: firstPair }] = picked;
  for (const { sample, pair } of picked) {
    if (sample.width !== first.width || sample.height !== first.height) {
      throw new RequestError(
        `--batch-size ${picked.length}: expected samples of one size, but ${firstPair.label} gives ${first.width} x ` +
          `${first.height} and ${pair.label} ${sample.width} x ${sample.height}. Use --batch-size 1, or a mode that crops.`,
      );
    }
  }
  const { width, height } = first;
  const join = (part: 'labels' | 'image' | 'edges' | 'reference') => {
    const parts = picked.flatMap(({ sample }) => sample[part] ?? []);
    if (parts.length === 0) return undefined;
    const whole = new Uint8Array(parts.length * parts[0].length);
    for (const [i, one] of parts.entries()) whole.set(one, i * one.length);
    return whole;
  };
  return {
    ...{ step, batchSize: picked.length, width, height },
    labels: join('labels')!,
    ...{ image: join('image'), edges: join('edges'), reference: join('reference') },
    names: picked.map(({ pair }) => pair.name),
  };
}
