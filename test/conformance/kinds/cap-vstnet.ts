/** Builders of the CAP-VSTNet kinds. */

import type { Builder } from '../context.ts';
import { choleskies } from './cap-vstnet/cholesky.ts';
import { endToEnds } from './cap-vstnet/end-to-end.ts';
import { lossKinds } from './cap-vstnet/losses.ts';
import { mattingKinds } from './cap-vstnet/matting.ts';
import { metricKinds } from './cap-vstnet/metrics.ts';
import { networks } from './cap-vstnet/networks.ts';
import { temporalKinds } from './cap-vstnet/temporal.ts';
import { tools } from './cap-vstnet/tools.ts';
import { trainKinds } from './cap-vstnet/train-steps.ts';
import { transfers } from './cap-vstnet/transfer.ts';

export const capVstnet: Readonly<Record<string, Builder>> = {
  ...tools,
  ...networks,
  ...transfers,
  ...endToEnds,
  ...choleskies,
  ...lossKinds,
  ...mattingKinds,
  ...metricKinds,
  ...temporalKinds,
  ...trainKinds,
};
