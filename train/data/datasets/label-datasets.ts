/** The data sets that GauGAN's code knows by name, and the values that it trains each with. */
import type { DatasetMode, PreprocessMode } from '../../choices.ts';
import { DONT_CARE } from '../image/label-map.ts';

/** Whether pictures are for training, or held back: the originals' `test` reads the folders called `val`. */
export type Phase = 'train' | 'test';

/** What a data set is trained with, where nothing else is said. */
export interface LabelDataset {
  readonly preprocess: PreprocessMode;
  /** pixels; in mode `fixed` it has no effect */
  readonly loadSize: Readonly<Record<Phase, number>>;
  readonly cropSize: number;
  readonly aspectRatio: number;
  /** classes, without "don't care" and without the edges of instances */
  readonly labelNc: number;
  /** the label of no class, where there is one */
  readonly dontCare?: number;
  /** whether instance maps belong to it */
  readonly instances: boolean;
  /** pictures in a batch */
  readonly batchSize: number;
  /** layers of the generator that enlarge: `num_upsampling_layers` */
  readonly upsampling: 'normal' | 'more';
}

const CUSTOM: LabelDataset = {
  preprocess: 'resize_and_crop',
  loadSize: { train: 286, test: 256 },
  cropSize: 256,
  aspectRatio: 1,
  labelNc: 13,
  instances: true,
  batchSize: 1,
  upsampling: 'normal',
};

/**
 * By name. `landscape` is the landscape contest's: 29 classes at 512 x 384, no instances, and a reference photo for a label
 * map where `label_to_img.json` names one.
 */
export const LABEL_DATASETS: Readonly<Record<DatasetMode, LabelDataset>> = {
  coco: { ...CUSTOM, labelNc: 182, dontCare: DONT_CARE },
  ade20k: { ...CUSTOM, labelNc: 150, dontCare: DONT_CARE, instances: false },
  cityscapes: {
    ...CUSTOM,
    preprocess: 'fixed',
    loadSize: { train: 512, test: 512 },
    cropSize: 512,
    aspectRatio: 2,
    labelNc: 35,
    batchSize: 16,
    upsampling: 'more',
  },
  facades: { ...CUSTOM, instances: false },
  custom: CUSTOM,
  landscape: {
    ...CUSTOM,
    preprocess: 'fixed',
    loadSize: { train: 512, test: 512 },
    cropSize: 512,
    aspectRatio: 4 / 3,
    labelNc: 29,
    instances: false,
    batchSize: 4,
  },
};
