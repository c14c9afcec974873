/** Builders of the evaluation kinds. */

import { pillowResize } from '../../../train/data/image/pillow-resize.ts';
import type { Builder } from '../context.ts';
import { value } from '../values.ts';
import { answers, pixelsOf } from './answers.ts';
import { distanceKinds } from './evaluation/distances.ts';
import { inceptionKinds } from './evaluation/inception.ts';
import { lpipsKind } from './evaluation/lpips.ts';
import { vggKinds } from './evaluation/vgg19.ts';

/** A picture [H, W, 3] to `out` [h, w] by four of Pillow's filters. */
const pilResize: Builder = {
  run({ config, inputs }) {
    const image = inputs.get('image');
    const [height, width, channels] = image.shape;
    const [outHeight, outWidth] = config.out as [number, number];
    const source = { width, height, channels, pixels: pixelsOf(image) };
    const filters = ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const;
    return answers(
      Object.fromEntries(
        filters.map((filter) => {
          const { pixels } = pillowResize(source, outWidth, outHeight, filter);
          return [`output ${filter}`, value([outHeight, outWidth, channels], pixels)];
        }),
      ),
    );
  },
};

export const evaluation: Readonly<Record<string, Builder>> = {
  'evaluation/lpips': lpipsKind,
  'evaluation/pil-resize': pilResize,
  ...distanceKinds,
  ...inceptionKinds,
  ...vggKinds,
};
