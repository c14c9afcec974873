/** Builders of the GauGAN kinds. */

import type { Builder } from '../context.ts';
import { datasetKinds } from './gaugan/dataset.ts';
import { visualKinds } from './gaugan/visuals.ts';

export const gaugan: Readonly<Record<string, Builder>> = {
  ...datasetKinds,
  ...visualKinds,
};
