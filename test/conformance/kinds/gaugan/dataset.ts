/** Label map, picture and instances through the preprocessing, with the draws that the case gives. */

import type { PreprocessMode } from '../../../../train/choices.ts';
import {
  type Placement,
  type Plane,
  type Preprocess,
  placeSample,
  resizedSize,
  resizePlane,
} from '../../../../train/data/datasets/preprocess.ts';
import { DONT_CARE, networkIds } from '../../../../train/data/image/label-map.ts';
import type { Builder } from '../../context.ts';
import { type Value, value } from '../../values.ts';
import { answers, type Config } from '../answers.ts';

/** The options of one of the case's transforms. */
interface Options {
  readonly mode: PreprocessMode;
  readonly load_size: number;
  readonly crop_size: number;
  readonly aspect_ratio: number;
  readonly isTrain: boolean;
  readonly no_flip: boolean;
  readonly label_nc: number;
}

const preprocess: Builder = {
  run({ config, inputs }) {
    const image = bytes(inputs.get('image_u8'));
    const label = bytes(inputs.get('label_u8'));
    const instances = {
      instance_I: words(inputs.get('instance_i32')),
      instance_L: words(inputs.get('instance_u8')),
    };
    return answers(
      Object.assign(
        {},
        ...optionsOf(config).map((options, i) => {
          const [x, y, flip] = inputs.get(`${i}.crop_xy_flip`).data;
          const draw = { x, y, flip: options.isTrain && !options.no_flip && flip === 1 };
          const rule = ruleOf(options);
          const { width, height, pixels } = sample(rule, label, draw);
          const classes = networkIds(pixels, { labelNc: options.label_nc, dontCare: DONT_CARE });
          const found: Record<string, Value> = {
            [`output ${i}.label`]: value([1, height, width], classes),
            [`output ${i}.image`]: normalised(sample(rule, image, draw)),
          };
          for (const [name, ids] of Object.entries(instances)) {
            found[`output ${i}.${name}`] = value([1, height, width], sample(rule, ids, draw).pixels);
          }
          return found;
        }),
      ),
    );
  },
};

function optionsOf(config: Config): Options[] {
  const cases = config.cases as readonly Partial<Options>[];
  return cases.map((one) => ({ ...(config.defaults as Options), ...one }));
}

function ruleOf({ mode, load_size, crop_size, aspect_ratio }: Options): Preprocess {
  return { mode, loadSize: load_size, cropSize: crop_size, aspectRatio: aspect_ratio };
}

function sample<T extends Uint8Array | Int32Array>(rule: Preprocess, source: Plane<T>, draw: Placement): Plane<T> {
  return placeSample(rule, resizePlane(source, resizedSize(rule, source)), draw);
}

/** [H, W, 3] bytes as the network reads them: [3, H, W] in [-1, 1]. */
function normalised({ width, height, pixels }: Plane<Uint8Array>): Value {
  const plane = width * height;
  const planes = Float32Array.from({ length: 3 * plane }, (_, i) => {
    const byte = pixels[3 * (i % plane) + Math.floor(i / plane)];
    return (Math.fround(byte / 255) - 0.5) / 0.5;
  });
  return value([3, height, width], planes);
}

function bytes({ shape, data }: Value): Plane<Uint8Array> {
  const [height, width, channels = 1] = shape;
  return { width, height, channels, pixels: Uint8Array.from(data) };
}

function words({ shape, data }: Value): Plane<Int32Array> {
  const [height, width] = shape;
  return { width, height, channels: 1, pixels: Int32Array.from(data) };
}

export const datasetKinds: Readonly<Record<string, Builder>> = { 'gaugan/dataset-preprocess': preprocess };
