/** Builders of the GauGAN kinds. */

import type { Builder } from '../context.ts';
import { datasetKinds } from './gaugan/dataset.ts';
import { lossKinds } from './gaugan/losses.ts';
import { networkKinds } from './gaugan/networks.ts';
import { trainKinds } from './gaugan/train-steps.ts';
import { visualKinds } from './gaugan/visuals.ts';

export const gaugan: Readonly<Record<string, Builder>> = {
  ...datasetKinds,
  ...visualKinds,
  ...networkKinds,
  ...lossKinds,
  ...trainKinds,
};
