/**
 * The Inception v3 that FID is defined by: TensorFlow's network of 2015 with its own weights, 1008 classes and without
 * an auxiliary head, up to the global average of 2048 features.
 *
 * @see Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter 2017, arXiv:1706.08500; weights
 *      pt_inception-2015-12-05-6726825d.pth
 */
import { ShapeError, scope, type Tensor } from '../../engine/index.ts';
import { affine, type ConvWeights, globalAveragePool, maxPool2d, resize } from '../../kernels/index.ts';
import {
  type BlockForward,
  blockA,
  blockB,
  blockC,
  blockD,
  blockE1,
  blockE2,
  specsA,
  specsB,
  specsC,
  specsD,
  specsE,
} from './blocks.ts';
import {
  type ConvSpec,
  convSpecs,
  type FoldedConvs,
  folded,
  inside,
  type StateSpec,
  same,
  stateSpecs,
} from './convolutions.ts';

const STEM = convSpecs(
  ['Conv2d_1a_3x3', 3, 32, 3],
  ['Conv2d_2a_3x3', 32, 32, 3],
  ['Conv2d_2b_3x3', 32, 64, 3],
  ['Conv2d_3b_1x1', 64, 80, 1],
  ['Conv2d_4a_3x3', 80, 192, 3],
);

interface Block {
  readonly name: string;
  readonly specs: readonly ConvSpec[];
  readonly forward: BlockForward;
}

const MIDDLE: readonly Block[] = [
  { name: 'Mixed_5b', specs: specsA(192, 32), forward: blockA },
  { name: 'Mixed_5c', specs: specsA(256, 64), forward: blockA },
  { name: 'Mixed_5d', specs: specsA(288, 64), forward: blockA },
  { name: 'Mixed_6a', specs: specsB(288), forward: blockB },
  { name: 'Mixed_6b', specs: specsC(768, 128), forward: blockC },
  { name: 'Mixed_6c', specs: specsC(768, 160), forward: blockC },
  { name: 'Mixed_6d', specs: specsC(768, 160), forward: blockC },
  { name: 'Mixed_6e', specs: specsC(768, 192), forward: blockC },
];

const LAST: readonly Block[] = [
  { name: 'Mixed_7a', specs: specsD(768), forward: blockD },
  { name: 'Mixed_7b', specs: specsE(1280), forward: blockE1 },
  { name: 'Mixed_7c', specs: specsE(2048), forward: blockE2 },
];

/** Folded convolutions of the stem by their names, those of the blocks one level below. */
export interface Inception {
  readonly [module: string]: ConvWeights | FoldedConvs;
}

const SPECS: readonly ConvSpec[] = [
  ...STEM,
  ...[...MIDDLE, ...LAST].flatMap(({ name, specs }) => specs.map((s) => ({ ...s, name: `${name}.${s.name}` }))),
];

/** Channels of what `inceptionFeatures` returns, by stage. */
export const INCEPTION_WIDTHS = [64, 192, 768, 2048] as const;
export type InceptionStage = 0 | 1 | 2 | 3;

/** How many convolutions lie before the end of each stage. */
const STAGE_ENDS = [3, 5, 5 + MIDDLE.flatMap(({ specs }) => specs).length, SPECS.length];

/**
 * The entries of the original's state dict that the features of a stage depend on; `fc` and counters of batches are left
 * out.
 */
export const inceptionSpecs = (last: InceptionStage = 3): StateSpec[] =>
  SPECS.slice(0, STAGE_ENDS[last]).flatMap(stateSpecs);

/**
 * The parameters for {@link inceptionFeatures}, normalisation folded into the convolutions in float64.
 *
 * @param entry   the values of a key of {@link inceptionSpecs}
 * @param upload  makes a tensor of values and a shape
 * @param last    the last stage that will be asked for
 */
export function foldInception(
  entry: (key: string) => ArrayLike<number>,
  upload: (values: Float32Array, shape: readonly number[]) => Tensor,
  last: InceptionStage = 3,
): Inception {
  const root: Record<string, ConvWeights | Record<string, ConvWeights>> = {};
  for (const spec of SPECS.slice(0, STAGE_ENDS[last])) {
    const { weight, bias } = folded(spec, entry);
    const conv = { weight: upload(weight, [spec.out, spec.in, ...spec.kernel]), bias: upload(bias, [spec.out]) };
    const [module, branch] = spec.name.split('.');
    if (branch === undefined) root[module] = conv;
    else root[module] = { ...(root[module] as Record<string, ConvWeights> | undefined), [branch]: conv };
  }
  return root;
}

/** The side that pictures are resized to. */
export const INCEPTION_SIDE = 299;
/** Of the largest tensor that a resized picture becomes: Conv2d_2b's, 64 channels of 147². */
export const INCEPTION_LARGEST_BYTES: number = 4 * 64 * 147 ** 2;

export interface InceptionOptions {
  /** to 299 × 299, bilinearly and without smoothing, as FID is defined; true by default */
  readonly resizeInput?: boolean;
  /** from [0, 1] to [−1, 1]; true by default */
  readonly normalizeInput?: boolean;
}

/**
 * What the network has computed after each stage, up to the last one asked for.
 *
 * @param x      [N, 3, H, W], RGB in [0, 1]; without resizing, sides of at least 75
 * @param last   0: after the first pool, 1: after the second, 2: before the last stage, 3: the mean over the last
 * @returns      [N, 64, 73, 73], [N, 192, 35, 35], [N, 768, 17, 17] and [N, 2048, 1, 1] where pictures are resized
 * @throws ShapeError when x is no batch of RGB pictures, or too small
 */
export function inceptionFeatures(
  p: Inception,
  x: Tensor,
  last: InceptionStage = 3,
  { resizeInput = true, normalizeInput = true }: InceptionOptions = {},
): Tensor[] {
  if (x.shape.length !== 4 || x.shape[1] !== 3 || (!resizeInput && Math.min(x.shape[2], x.shape[3]) < 75)) {
    throw new ShapeError(
      `inceptionFeatures: expected pictures [N, 3, H, W] with sides of at least 75, got [${x.shape}]. ` +
        'Let them be resized, or convert them to RGB.',
    );
  }
  return scope(() => {
    const stem = (name: string) => p[name] as ConvWeights;
    const stages: ((h: Tensor) => Tensor)[] = [
      (h) => halved(same(inside(inside(h, stem('Conv2d_1a_3x3'), 2), stem('Conv2d_2a_3x3')), stem('Conv2d_2b_3x3'))),
      (h) => halved(inside(inside(h, stem('Conv2d_3b_1x1')), stem('Conv2d_4a_3x3'))),
      (h) => through(MIDDLE, p, h),
      (h) => globalAveragePool(through(LAST, p, h)),
    ];
    const found: Tensor[] = [];
    let h = prepared(x, resizeInput, normalizeInput);
    for (const stage of stages.slice(0, last + 1)) {
      const input = h;
      h = scope(() => stage(input));
      found.push(h);
    }
    return found;
  });
}

const halved = (x: Tensor) => maxPool2d(x, { kernel: 3, stride: 2 });

function prepared(x: Tensor, resizeInput: boolean, normalizeInput: boolean): Tensor {
  return scope(() => {
    const resized = resizeInput ? resize(x, { size: [INCEPTION_SIDE, INCEPTION_SIDE], mode: 'bilinear' }) : x;
    return normalizeInput ? affine(resized, { scale: 2, shift: -1 }) : resized;
  });
}

/** One block after another; what is read is freed, for a batch of these is large. */
function through(blocks: readonly Block[], p: Inception, x: Tensor): Tensor {
  return blocks.reduce((h, { name, forward }) => {
    const next = forward(p[name] as FoldedConvs, h);
    if (h !== x) h.dispose();
    return next;
  }, x);
}
