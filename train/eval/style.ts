/** What style transfer is judged by: closeness to the style, kept structure of the content, and calm over time. */
import { type Device, scope, type Tensor, tensor } from '../../engine/index.ts';
import { affine } from '../../kernels/index.ts';
import { type Lpips, lpips } from '../../models/lpips/lpips.ts';
import type { Vgg19 } from '../../models/vgg/vgg19.ts';
import { type StyleTargets, styleLosses, styleTargets } from '../losses/style.ts';
import { blockMotion, warpError } from './block-motion.ts';
import { histogramCorrelation } from './colour-similarity.ts';
import { gramDistance } from './gram.ts';
import { type Planes, ssim } from './image-similarity.ts';

/** Measures of one result. Which are there depends on what it is compared with. */
export interface StyleMeasures {
  /** Gram distance to the style, summed over the taps; lower is nearer */
  readonly gram?: number;
  /** distance of means and deviations of the features to the style's; lower is nearer */
  readonly style?: number;
  /** correlation of the colour histograms with the style's; 1 is equal */
  readonly colours?: number;
  /** SSIM with the content; 1 is equal */
  readonly ssim?: number;
  /** LPIPS with the content; 0 is equal */
  readonly lpips?: number;
  /** warp error against the frame before */
  readonly flicker?: number;
  /** the same of the content: what its motion leaves over */
  readonly contentFlicker?: number;
}

export interface Subject {
  readonly result: Planes;
  readonly style?: Planes | undefined;
  /** of the result's size */
  readonly content?: Planes | undefined;
  /** the frame before, of a film */
  readonly before?: { readonly result: Planes; readonly content?: Planes | undefined } | undefined;
}

/** Measures one result after another; the features of a style that comes again are remembered. */
export interface StyleMeter {
  measure(subject: Subject): Promise<StyleMeasures>;
  dispose(): void;
}

/**
 * @param models  the encoder of the style measures; LPIPS where it is to be measured
 */
export function makeStyleMeter(device: Device, models: { readonly vgg: Vgg19; readonly lpips?: Lpips }): StyleMeter {
  let known: { style: Planes; image: Tensor; targets: StyleTargets } | undefined;
  const forget = () => {
    known?.image.dispose();
    for (const { mean, std } of known?.targets ?? []) {
      mean.dispose();
      std.dispose();
    }
    known = undefined;
  };
  const targetsOf = (style: Planes) => {
    if (known?.style === style) return known;
    forget();
    const image = upload(device, style);
    known = { style, image, targets: styleTargets(models.vgg, image) };
    return known;
  };

  const toStyle = async (result: Planes, style: Planes): Promise<StyleMeasures> => {
    const { image, targets } = targetsOf(style);
    const x = upload(device, result);
    try {
      const { total } = await gramDistance(models.vgg, x, image);
      const loss = scope(() => styleLosses(models.vgg, { stylized: x, style: targets }).style);
      const value = await loss.item();
      loss.dispose();
      return { gram: total, style: value, colours: histogramCorrelation(result, style) };
    } finally {
      x.dispose();
    }
  };

  const toContent = async (result: Planes, content: Planes): Promise<StyleMeasures> => {
    const kept = { ssim: ssim(result, content) };
    if (!models.lpips) return kept;
    const model = models.lpips;
    const distance = scope(() => {
      const [a, b] = [result, content].map((planes) => affine(upload(device, planes), { scale: 2, shift: -1 }));
      return lpips(model, a, b).distance;
    });
    const value = await distance.item();
    distance.dispose();
    return { ...kept, lpips: value };
  };

  const overTime = ({ result, content, before }: Subject): StyleMeasures => {
    if (!before) return {};
    const [last, now] = content && before.content ? [before.content, content] : [before.result, result];
    const motion = blockMotion(last, now);
    const flicker = warpError(before.result, result, motion).error;
    return now === content ? { flicker, contentFlicker: warpError(last, now, motion).error } : { flicker };
  };

  return {
    async measure(subject) {
      const { result, style, content } = subject;
      return {
        ...(style ? await toStyle(result, style) : {}),
        ...(content ? await toContent(result, content) : {}),
        ...overTime(subject),
      };
    },
    dispose: forget,
  };
}

const upload = (device: Device, { planes, width, height }: Planes): Tensor =>
  tensor(device, planes, [1, planes.length / (width * height), height, width]);

/** The mean of each measure over the results that have it. */
export function meanMeasures(all: readonly StyleMeasures[]): StyleMeasures {
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))] as (keyof StyleMeasures)[];
  return Object.fromEntries(
    names.map((name) => {
      const values = all.map((one) => one[name]).filter((v): v is number => v !== undefined && Number.isFinite(v));
      return [name, values.reduce((sum, v) => sum + v, 0) / values.length];
    }),
  );
}
