/** What PyTorch is asked to time beside this project, and how many parameters its networks must have. */
import { type Shape, sizeOf } from '../../engine/index.ts';
import { CAP_VSTNET, parameterSpecs } from '../../models/cap-vstnet/config.ts';
import { countParameters, discriminatorSpecs } from '../../models/gaugan/state.ts';
import { normalisedVggSpecs } from '../../models/vgg/normalised.ts';
import { gauganNetworks, specsOfGenerator } from '../../train/recipes/gaugan-networks.ts';
import { COCO, GENERATE } from '../generate.ts';
import type { RowName } from '../row.ts';
import { NETWORKS, type NetworkToTime, stepSample } from '../step.ts';
import { flopsOf, kernelCases } from './kernel-cases.ts';
import { type NetworkStep, stepsOf, transfersOf } from './network-stage.ts';

/** As PyTorch has them: f16 of networks is automatic mixed precision. */
export type TorchPrecision = 'f32' | 'tf32' | 'f16';

/** One thing to time, under the name of our row. */
export interface TorchTask {
  readonly name: Omit<RowName, 'dtype'>;
  readonly precision: TorchPrecision;
  /** what the script is told */
  readonly task: object;
  /** operations of a run, where arithmetic is what takes the time */
  readonly flops?: number;
  /** by network */
  readonly parameters?: Readonly<Record<string, number>>;
}

/** How PyTorch's rows are told from ours, which they stand beside: `step, PyTorch TF32`. */
export function torchName({ name, precision }: Pick<TorchTask, 'name' | 'precision'>, cuda: boolean): RowName {
  const library = `PyTorch${cuda ? '' : ' CPU'}${precision === 'tf32' ? ' TF32' : ''}`;
  return { ...name, pass: `${name.pass}, ${library}`, dtype: precision === 'f16' ? 'f16' : 'f32' };
}

/** Products of matrices and convolutions. */
export function kernelTasks(small: boolean, precisions: readonly TorchPrecision[]): TorchTask[] {
  return precisions.flatMap((precision) =>
    kernelCases(small).flatMap(({ op, sample, passes, works }) =>
      works.map((work, i) => ({
        ...{ name: { op, sample, pass: passes[i] }, precision, flops: flopsOf(work) },
        task: { work, precision },
      })),
    ),
  );
}

/** Steps, transfers and painting, in the order of what a report is most about. */
export function networkTasks(small: boolean, precisions: readonly TorchPrecision[]): TorchTask[] {
  return precisions.flatMap((precision) => {
    const steps = stepsOf(small).map((one) => stepTask(one, precision));
    const transfers = transfersOf(small).map(({ sample, width, height }) => ({
      ...{ name: { op: 'cap-vstnet', sample, pass: 'transfer' }, precision },
      task: { kind: 'cap-vstnet transfer', precision, width, height },
      parameters: { network: total(parameterSpecs(CAP_VSTNET.photo)) },
    }));
    const { sample, shape } = GENERATE[small ? 'small' : 'coco'];
    const painting: TorchTask = {
      ...{ name: { op: 'gaugan', sample, pass: 'generate' }, precision },
      task: { kind: 'gaugan generate', precision, size: shape.cropSize, ...gauganSizes(shape) },
      parameters: { generator: gauganParameters(shape).generator },
    };
    return [...steps, ...transfers, painting];
  });
}

function stepTask({ name, size, batch }: NetworkStep, precision: TorchPrecision): TorchTask {
  const { system, settings = {} }: NetworkToTime = NETWORKS[name];
  const common = { name: { op: system, sample: stepSample(name, size, batch), pass: 'step' }, precision };
  const task = { kind: `${system} step`, precision, size, batch };
  if (system === 'gaugan') {
    const { dontCare, ...rest } = settings;
    const shape = { ...COCO, ndf: 64, ...rest, dontCare: dontCare !== undefined, cropSize: size };
    return { ...common, task: { ...task, ...gauganSizes(shape), ndf: shape.ndf }, parameters: gauganParameters(shape) };
  }
  const config = { ...CAP_VSTNET.photo, ...settings };
  return {
    ...{ ...common, task: { ...task, blocks: config.nBlocks, channels: config.nChannels } },
    parameters: { network: total(parameterSpecs(config)), vgg: total(normalisedVggSpecs()) },
  };
}

type GauganSizes = typeof COCO;

function gauganSizes({ labelNc, dontCare, instance, ngf, nhidden }: GauganSizes) {
  return { classes: labelNc + (dontCare ? 1 : 0), edges: instance, ngf, hidden: nhidden };
}

function gauganParameters(shape: GauganSizes & { readonly ndf?: number }) {
  const ofD = { ndf: shape.ndf ?? 64, numD: 2, nLayersD: 4, normD: 'spectralinstance', ganFeat: true };
  const { generator, discriminator } = gauganNetworks({ ...shape, ...ofD });
  return {
    generator: countParameters(specsOfGenerator(generator)),
    discriminator: countParameters(discriminatorSpecs(discriminator)),
  };
}

const total = (specs: readonly { readonly shape: Shape }[]) => specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
