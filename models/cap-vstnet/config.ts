import { type DType, ShapeError } from '../../engine/index.ts';

/** Shape of a CAP-VSTNet. Both published networks differ in the last two numbers alone. */
export interface CapVstnetConfig {
  /** residual blocks of each stage */
  readonly nBlocks: readonly number[];
  /** stride of each stage's first block: 1 or 2 */
  readonly nStrides: readonly number[];
  /** half width of each stage */
  readonly nChannels: readonly number[];
  /** picture channels */
  readonly inChannel: number;
  /** a block's middle has 1/mult of its half width */
  readonly mult: number;
  /** half width of the latent before the refinement's last unsqueeze */
  readonly hiddenDim: number;
  /** unsqueezes at the end of the channel refinement */
  readonly spSteps: number;
  /**
   * Storage inside the residual function F of every block; that of the state by default. With f16 beside a state of
   * f32, a block's inverse is as exact as in f32: both directions add the same rounded F(x2).
   */
  readonly inner?: DType;
  /**
   * A power of two. The state that enters a pass, and every F(x2), are then rounded to its multiples, so that sums and
   * differences of them are exact below 2²⁴ grid, and a block's inverse gives back the bits that went in. Larger values
   * round as they do without. Gradients pass as if nothing were rounded. 0, not rounded, when left out.
   */
  readonly grid?: number;
}

/** The grid of training: a rounding moves a value by 2.4e-7 at most, and sums below 8 are exact. */
export const TRAINING_GRID = 2 ** -21;

export type CapVstnetMode = 'photo' | 'art';

const STAGES = { nBlocks: [10, 10, 10], nStrides: [1, 2, 2], nChannels: [16, 64, 256], inChannel: 3, mult: 4 };

/** The two published networks: 4,089,936 parameters each, with the same names and shapes. */
export const CAP_VSTNET: Readonly<Record<CapVstnetMode, CapVstnetConfig>> = {
  photo: { ...STAGES, hiddenDim: 16, spSteps: 2 },
  art: { ...STAGES, hiddenDim: 64, spSteps: 1 },
};

/** One residual block, as the configuration implies it. */
export interface BlockSpec {
  readonly stride: number;
  /** half width of the output */
  readonly channels: number;
  /** half width that the first convolution reads: before the squeeze of a stride-2 block */
  readonly inChannels: number;
  readonly middle: number;
  /** storage inside F, where it is not that of the state */
  readonly inner?: DType | undefined;
  /** see CapVstnetConfig; 0: not rounded */
  readonly grid?: number | undefined;
}

export interface CapVstnetPlan {
  readonly blocks: readonly BlockSpec[];
  readonly refinement: readonly BlockSpec[];
  /** zero channels appended to the picture */
  readonly padChannels: number;
  /** zero channels appended to each half before the refinement; 0 in the published networks */
  readonly refinementPad: number;
  /** channels of the latent, and by how much its sides are shorter than the picture's */
  readonly latentChannels: number;
  readonly latentScale: number;
  /** of the states; 0: not rounded */
  readonly grid: number;
  /** sides must be multiples of this */
  readonly multiple: number;
  /** smallest side: reflection at the last stage needs two pixels */
  readonly smallest: number;
}

/**
 * Works out every block.
 *
 * @throws ShapeError when the refinement would have to drop channels, or widths do not follow the strides
 */
export function planOf(config: CapVstnetConfig): CapVstnetPlan {
  const { nBlocks, nStrides, nChannels, inChannel, mult, hiddenDim, spSteps, inner, grid = 0 } = config;
  const blocks: BlockSpec[] = [];
  let scale = 1;
  nBlocks.forEach((count, stage) => {
    const channels = nChannels[stage];
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? nStrides[stage] : 1;
      scale *= stride;
      const inChannels = stride === 2 ? channels / 4 : channels;
      blocks.push({ stride, channels, inChannels, middle: channels / mult, inner, grid });
    }
  });
  const last = nChannels[nChannels.length - 1];
  const width = hiddenDim * 4 ** spSteps;
  if (width < last) {
    throw new ShapeError(
      `CAP-VSTNet: the refinement's half width hiddenDim · 4^spSteps = ${width} is below the last stage's ${last}. ` +
        'Expected at least as much: raise hiddenDim or spSteps.',
    );
  }
  for (const { channels, inChannels, middle, stride } of blocks) {
    if (!Number.isInteger(inChannels) || !Number.isInteger(middle) || (stride !== 1 && stride !== 2)) {
      throw new ShapeError(
        `CAP-VSTNet: half width ${channels} with mult ${mult} and stride ${stride} gives no whole block.`,
      );
    }
  }
  const refined = { stride: 1, channels: width, inChannels: width, middle: width / mult, inner, grid };
  return {
    blocks,
    refinement: [refined, refined],
    padChannels: 2 * nChannels[0] - inChannel,
    refinementPad: width - last,
    latentChannels: 2 * hiddenDim,
    latentScale: scale / 2 ** spSteps,
    grid,
    multiple: scale,
    smallest: 2 * scale,
  };
}

export interface ParameterSpec {
  /** name in the original checkpoint */
  readonly key: string;
  readonly shape: readonly number[];
  /** in · kH · kW of the convolution */
  readonly fanIn: number;
}

/** Every parameter in the original's order: `stack.*`, then `channel_reduction.*`. */
export function parameterSpecs(config: CapVstnetConfig): ParameterSpec[] {
  const { blocks, refinement } = planOf(config);
  return [
    ...blocks.flatMap((block, i) => blockParameters(block, `stack.${i}`)),
    ...refinement.flatMap((block, i) => blockParameters(block, `channel_reduction.block_list.${i}`)),
  ];
}

/** Parameters of one residual block under `prefix` (indices 0, 3, 6 of the original are pads, 2 and 5 ReLU). */
export function blockParameters({ inChannels, middle, channels }: BlockSpec, prefix = ''): ParameterSpec[] {
  const widths = [
    [1, inChannels, middle],
    [4, middle, middle],
    [7, middle, channels],
  ];
  return widths.flatMap(([index, input, output]) => {
    const key = `${prefix ? `${prefix}.` : ''}conv.${index}`;
    const fanIn = input * 9;
    return [
      { key: `${key}.weight`, shape: [output, input, 3, 3], fanIn },
      { key: `${key}.bias`, shape: [output], fanIn },
    ];
  });
}
