/** Cholesky–whitening–colouring between latents: plain, masked, mixed, and its gradient. */

import { type Cwct, cwct, cwctGradient, cwctMasked } from '../../../../models/cap-vstnet/cwct.ts';
import type { JitteredFactor } from '../../../../models/cap-vstnet/cwct-host.ts';
import type { LabelMap } from '../../../../models/cap-vstnet/regions.ts';
import type { Builder, Lazy } from '../../context.ts';
import { take, withTensors } from '../../device.ts';
import { scalar, type Value, value } from '../../values.ts';
import { answers, labelsOf } from '../answers.ts';

const plain: Builder = {
  run: ({ config, inputs }) =>
    withTensors([inputs.get('content'), inputs.get('style')], async ([content, style]) => {
      const [items, n] = content.shape;
      const done = await cwct(content, [{ latent: style, weight: 1 }], { eps: config.eps as number });
      const vectors = (data: Float64Array) => value([items, n], data);
      const matrices = (data: Float64Array) => value([items, n, n], data);
      const results = answers({
        'output out': await take(done.out),
        'output mean_c': vectors(done.content.mean),
        'output mean_s': vectors(done.styles[0].mean),
        'output cov_c': matrices(done.content.covariance),
        'output cov_s': matrices(done.styles[0].covariance),
        'output M': matrices(done.map.matrix),
        'output L_c': matrices(done.map.content.l),
        'output L_s': matrices(done.map.styles[0].l),
      });
      answerRetries(results, 'content', done.map.content);
      answerRetries(results, 'style', done.map.styles[0]);
      return results;
    }),
};

function answerRetries(results: Map<string, Lazy>, role: string, { retries, jitter }: JitteredFactor): void {
  results.set(`value retries of ${role}`, scalar(retries));
  results.set(`value jitter of ${role}`, scalar(jitter));
}

const interpolation: Builder = {
  run: ({ config, inputs }) =>
    withTensors([inputs.get('content'), ...inputs.series('style')], async ([content, ...latents]) => {
      const weights = config.alpha_s as number[];
      const styles = latents.map((latent, k) => ({ latent, weight: weights[k] }));
      const { out } = await cwct(content, styles, { alphaContent: config.alpha_c as number });
      return answers({ 'output out': await take(out) });
    }),
};

const masked: Builder = {
  run: ({ inputs }) =>
    withTensors([inputs.get('content'), inputs.get('style')], async ([content, style]) => {
      const masks = [labelMaps(inputs.get('cmask')), labelMaps(inputs.get('smask'))] as const;
      const { out, items } = await cwctMasked(content, style, ...masks);
      const results = answers({
        'output out': await take(out),
        'output cmask_resized': stack(items.map(({ plan }) => plan.content)),
        'output smask_resized': stack(items.map(({ plan }) => plan.style)),
      });
      // A label that the content lacks is not a candidate: it cannot be valid.
      const labels = new Set(masks.flat().flatMap((map) => Array.from(map.labels)));
      items.forEach(({ plan }, item) => {
        for (const label of labels) {
          const valid = plan.matches.some((match) => match.label === label && match.valid);
          results.set(`value valid of label ${label} in item ${item}`, scalar(valid ? 1 : 0));
        }
      });
      return results;
    }),
};

/** [B, H, W] labels as one map an item. */
export function labelMaps(mask: Value): LabelMap[] {
  const [items, height, width] = mask.shape;
  const all = labelsOf(mask);
  return Array.from({ length: items }, (_, item) => ({
    labels: all.subarray(item * height * width, (item + 1) * height * width),
    width,
    height,
  }));
}

function stack(maps: readonly LabelMap[]): Value {
  const [{ width, height }] = maps;
  return value([maps.length, height, width], Int32Array.from(maps.flatMap(({ labels }) => Array.from(labels))));
}

const gradient: Builder = {
  run: ({ inputs }) =>
    withTensors(['content', 'style', 'cot'].map(inputs.get), async ([content, style, dy]) => {
      const styles = [{ latent: style, weight: 1 }];
      const done: Cwct = await cwct(content, styles);
      const out = await take(done.out);
      const found = await cwctGradient(content, styles, done, dy);
      return answers({
        'output out': out,
        'gradient of input content': await take(found.content),
        'gradient of input style': await take(found.styles[0]),
      });
    }),
};

export const transfers: Readonly<Record<string, Builder>> = {
  'cap-vstnet/cwct': plain,
  'cap-vstnet/cwct-interpolation': interpolation,
  'cap-vstnet/cwct-masked': masked,
  'cap-vstnet/cwct-grad': gradient,
};
