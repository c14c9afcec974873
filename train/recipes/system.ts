/** A system as `miaobi train` knows it: which flags it takes, what they are by default, and how it is made. */

import type { Device } from '../../engine/index.ts';
import type { Flavour, Upsampling } from '../../models/gaugan/config.ts';
import type { Initialisation } from '../../models/gaugan/state.ts';
import type { DatasetMode, GanMode, PreprocessMode } from '../choices.ts';
import type { Loader } from '../data/loader.ts';
import type { Recipe } from './recipe.ts';

/** Everything that the flags of `miaobi train` can say about a training, by the flags' names in camelCase. */
export interface TrainSettings {
  readonly seed: number;
  readonly precision: 'f32' | 'f16';
  /** updates; `epochs` and `decayEpochs` say it where a system counts in passes over the data */
  readonly steps?: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly lr: number;
  /** learning rate at update i: lr / (1 + lrDecay · i) */
  readonly lrDecay?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  /** largest global norm of the gradients; 0: not clipped */
  readonly clipGrad?: number;
  /** decay of the averaged weights; no average when left out */
  readonly ema?: number;
  readonly recompute?: boolean;

  /** the data set's folder */
  readonly data?: string;
  /** folders of pictures */
  readonly content?: string;
  readonly style?: string;
  readonly loadSize?: number;
  readonly cropSize?: number;
  /** threads that decode; `auto`: by the machine */
  readonly workers: number | 'auto';
  /** pictures of each folder at most */
  readonly maxItems?: number;
  /** pictures, or pairs of them, that are kept out of training: the sample sheets and evaluations are of these */
  readonly holdOut?: number;

  readonly mode?: 'photo' | 'art';
  /** residual blocks of each stage, for a smaller network than the published one */
  readonly nBlocks?: readonly number[];
  /** half widths of the stages */
  readonly nChannels?: readonly number[];
  /** file of the encoder that the losses look through; false: no loss of its features */
  readonly vgg?: string | boolean;
  /** widths of that encoder where its weights are random */
  readonly vggChannels?: readonly number[];
  readonly styleWeight?: number;
  readonly contentWeight?: number;
  readonly lapWeight?: number;
  readonly recWeight?: number;
  readonly temporalWeight?: number;
  /** updates with the temporal term, after `steps` without; a sixteenth of them by default, where crops are large enough */
  readonly temporalSteps?: number;
  /** radius of the matting Laplacian's windows */
  readonly winRad?: number;

  /** passes over the data at the full learning rate, and in which it falls to zero */
  readonly epochs?: number;
  readonly decayEpochs?: number;
  /** which files make up a labelled picture, and how they are brought to one size; names of the SPADE release */
  readonly datasetMode?: DatasetMode;
  readonly preprocessMode?: PreprocessMode;
  readonly labelDir?: string;
  readonly imageDir?: string;
  readonly instanceDir?: string;
  /** JSON of label files' names and their reference photos, and where those are */
  readonly labelToImg?: string;
  readonly referenceDir?: string;
  /** colours of coloured label maps */
  readonly palette?: string;
  /** classes, without the unknown one */
  readonly labelNc?: number;
  /** whether the edges of instances are seen */
  readonly instance?: boolean;
  /** the value of pixels without a class */
  readonly dontCare?: number;
  readonly aspectRatio?: number;
  readonly flip?: boolean;

  readonly netG?: 'spade' | 'pix2pixhd';
  readonly ngf?: number;
  readonly ndf?: number;
  readonly nhidden?: number;
  readonly normG?: string;
  readonly normD?: string;
  readonly normE?: string;
  readonly numUpsamplingLayers?: Upsampling;
  readonly numD?: number;
  readonly nLayersD?: number;
  readonly useVae?: boolean;
  readonly zDim?: number;
  readonly flavour?: Flavour;
  readonly initType?: Initialisation['type'];
  readonly initVariance?: number;

  readonly ganMode?: GanMode;
  /** two time scales: half the rate for the generator, twice for the discriminator */
  readonly ttur?: boolean;
  /** updates of the discriminator for one of the generator */
  readonly dSteps?: number;
  readonly ganFeat?: boolean;
  readonly lambdaFeat?: number;
  readonly lambdaVgg?: number;
  readonly lambdaKld?: number;
}

export type SettingName = keyof TrainSettings;

/** How a model is measured on pictures that it is not trained on: before the first step, every some steps, at the end. */
export interface Evaluation {
  /** names and values; leaves everything that decides the next step as it was */
  measure(): Promise<Readonly<Record<string, number>>>;
  /** what is measured, for people: "Held out: 4 pairs. Style by VGG-19 from vgg.pth." */
  readonly about: string;
  /** the measures where more is better; less is in all others */
  readonly higherIsBetter?: readonly string[];
  /** the measure that decides on the best checkpoint when evaluations are made; `bestMetric` does when left out */
  readonly best?: string;
}

/** A training that is ready to run. */
export interface Training<Batch> {
  readonly recipe: Recipe<Batch>;
  readonly loader: Loader<Batch>;
  /** pictures that one call of the recipe's step takes in */
  readonly imagesPerStep: number;
  readonly stepsPerEpoch?: number;
  /** what the sample sheets show: pictures that are held out, where there are some; the batch of step 0 when left out */
  readonly sampleBatch?: Batch;
  /** which loss decides on the best checkpoint; the sum of the losses when left out */
  readonly bestMetric?: string;
  /** where there are pictures that it is not trained on */
  readonly evaluation?: Evaluation;
  /** goes into the headers of the weights' files: what tells one mode of a network from another */
  readonly metadata?: Readonly<Record<string, string>>;
  /** facts for the user, a line each: data, encoder */
  readonly notes: readonly string[];
}

export interface System {
  /** as in `miaobi train MODEL` */
  readonly model: string;
  readonly title: string;
  /** flags beyond those that every system takes */
  readonly takes: readonly SettingName[];
  /** flags that must be given */
  readonly needs: readonly SettingName[];
  /** the original's defaults, given what the user chose */
  preset(chosen: Partial<TrainSettings>): Partial<TrainSettings>;
  /** loads data and puts the model on the device */
  make(device: Device, settings: TrainSettings, warn: (line: string) => void): Promise<Training<unknown>>;
}

/** A row of the table of systems: a name, and the way to the rest of it. */
export interface SystemEntry {
  readonly model: string;
  /** of the networks that are trained together, those that inference needs, as `tensors` of the recipe names them */
  readonly inference?: readonly string[];
  load(): Promise<System>;
}

/** Gives a system of its own batch type the type of the table. */
export function asTraining<Batch>(training: Training<Batch>): Training<unknown> {
  return training as Training<unknown>;
}
