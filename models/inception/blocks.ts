/**
 * The blocks of Inception v3: branches of the same picture, concatenated over the channels. Where they differ from
 * torchvision's, they are those of the network that FID is defined by: average pools do not count the padding, and the
 * last block takes the maximum instead.
 *
 * @see Szegedy et al. 2016, arXiv:1512.00567, figures 5, 6, 7, 10
 */
import { scope, type Tensor } from '../../engine/index.ts';
import { averagePool2d, concat, maxPool2d } from '../../kernels/index.ts';
import { type ConvSpec, convSpecs, type FoldedConvs, inside, same } from './convolutions.ts';

/** [N, C, H, W] → [N, O, H', W'] */
export type BlockForward = (p: FoldedConvs, x: Tensor) => Tensor;

const averaged = (x: Tensor) => averagePool2d(x, { kernel: 3, stride: 1, padding: 1, countPadding: false });
const halved = (x: Tensor) => maxPool2d(x, { kernel: 3, stride: 2 });

const joined = (branches: () => readonly Tensor[]) => scope(() => concat(branches(), 1));

/** @param pool  channels of the pooled branch */
export const specsA = (input: number, pool: number): ConvSpec[] =>
  convSpecs(
    ['branch1x1', input, 64, 1],
    ['branch5x5_1', input, 48, 1],
    ['branch5x5_2', 48, 64, 5],
    ['branch3x3dbl_1', input, 64, 1],
    ['branch3x3dbl_2', 64, 96, 3],
    ['branch3x3dbl_3', 96, 96, 3],
    ['branch_pool', input, pool, 1],
  );

export const blockA: BlockForward = (p, x) =>
  joined(() => [
    same(x, p.branch1x1),
    same(same(x, p.branch5x5_1), p.branch5x5_2),
    same(same(same(x, p.branch3x3dbl_1), p.branch3x3dbl_2), p.branch3x3dbl_3),
    same(averaged(x), p.branch_pool),
  ]);

export const specsB = (input: number): ConvSpec[] =>
  convSpecs(
    ['branch3x3', input, 384, 3],
    ['branch3x3dbl_1', input, 64, 1],
    ['branch3x3dbl_2', 64, 96, 3],
    ['branch3x3dbl_3', 96, 96, 3],
  );

/** Halves the sides. */
export const blockB: BlockForward = (p, x) =>
  joined(() => [
    inside(x, p.branch3x3, 2),
    inside(same(same(x, p.branch3x3dbl_1), p.branch3x3dbl_2), p.branch3x3dbl_3, 2),
    halved(x),
  ]);

/** @param middle  channels between the 7×7 convolutions, which are taken one axis after the other */
export const specsC = (input: number, middle: number): ConvSpec[] =>
  convSpecs(
    ['branch1x1', input, 192, 1],
    ['branch7x7_1', input, middle, 1],
    ['branch7x7_2', middle, middle, 1, 7],
    ['branch7x7_3', middle, 192, 7, 1],
    ['branch7x7dbl_1', input, middle, 1],
    ['branch7x7dbl_2', middle, middle, 7, 1],
    ['branch7x7dbl_3', middle, middle, 1, 7],
    ['branch7x7dbl_4', middle, middle, 7, 1],
    ['branch7x7dbl_5', middle, 192, 1, 7],
    ['branch_pool', input, 192, 1],
  );

export const blockC: BlockForward = (p, x) =>
  joined(() => {
    const sevens = [p.branch7x7_1, p.branch7x7_2, p.branch7x7_3];
    const twice = [p.branch7x7dbl_1, p.branch7x7dbl_2, p.branch7x7dbl_3, p.branch7x7dbl_4, p.branch7x7dbl_5];
    return [
      same(x, p.branch1x1),
      scope(() => sevens.reduce(same, x)),
      scope(() => twice.reduce(same, x)),
      same(averaged(x), p.branch_pool),
    ];
  });

export const specsD = (input: number): ConvSpec[] =>
  convSpecs(
    ['branch3x3_1', input, 192, 1],
    ['branch3x3_2', 192, 320, 3],
    ['branch7x7x3_1', input, 192, 1],
    ['branch7x7x3_2', 192, 192, 1, 7],
    ['branch7x7x3_3', 192, 192, 7, 1],
    ['branch7x7x3_4', 192, 192, 3],
  );

/** Halves the sides. */
export const blockD: BlockForward = (p, x) =>
  joined(() => [
    inside(same(x, p.branch3x3_1), p.branch3x3_2, 2),
    inside([p.branch7x7x3_1, p.branch7x7x3_2, p.branch7x7x3_3].reduce(same, x), p.branch7x7x3_4, 2),
    halved(x),
  ]);

export const specsE = (input: number): ConvSpec[] =>
  convSpecs(
    ['branch1x1', input, 320, 1],
    ['branch3x3_1', input, 384, 1],
    ['branch3x3_2a', 384, 384, 1, 3],
    ['branch3x3_2b', 384, 384, 3, 1],
    ['branch3x3dbl_1', input, 448, 1],
    ['branch3x3dbl_2', 448, 384, 3],
    ['branch3x3dbl_3a', 384, 384, 1, 3],
    ['branch3x3dbl_3b', 384, 384, 3, 1],
    ['branch_pool', input, 192, 1],
  );

const expanded = (p: FoldedConvs, x: Tensor, pooled: (x: Tensor) => Tensor) =>
  joined(() => {
    const single = same(x, p.branch3x3_1);
    const double = same(same(x, p.branch3x3dbl_1), p.branch3x3dbl_2);
    return [
      same(x, p.branch1x1),
      same(single, p.branch3x3_2a),
      same(single, p.branch3x3_2b),
      same(double, p.branch3x3dbl_3a),
      same(double, p.branch3x3dbl_3b),
      same(pooled(x), p.branch_pool),
    ];
  });

/** The first block of the last stage. */
export const blockE1: BlockForward = (p, x) => expanded(p, x, averaged);

/** The last block. */
export const blockE2: BlockForward = (p, x) =>
  expanded(p, x, (input) => maxPool2d(input, { kernel: 3, stride: 1, padding: 1 }));
