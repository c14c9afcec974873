/** Words that flags can take, apart from what is done with them: a command line that only shows its help loads no more. */

/** How label maps and pictures lie: data sets that the SPADE release knows, and the landscape contest's. */
export const DATASET_MODES = ['coco', 'ade20k', 'cityscapes', 'facades', 'custom', 'landscape'] as const;
export type DatasetMode = (typeof DATASET_MODES)[number];

/** How a label map and its picture come to one size; see `datasets/preprocess.ts`. */
export const PREPROCESS_MODES = [
  'resize_and_crop',
  'crop',
  'scale_width',
  'scale_width_and_crop',
  'scale_shortside',
  'scale_shortside_and_crop',
  'fixed',
  'none',
] as const;
export type PreprocessMode = (typeof PREPROCESS_MODES)[number];

/** hinge; least squares; the original cross-entropy; Wasserstein without a penalty. By the SPADE release's names. */
export const GAN_MODES = ['hinge', 'ls', 'original', 'w'] as const;
export type GanMode = (typeof GAN_MODES)[number];
