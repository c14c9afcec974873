/** What GauGAN shows: colours of labels, bytes of pictures, pictures in tiles. */

import {
  colourLabels,
  labelColourMap,
  pictureBytes,
  tilePictures,
} from '../../../../train/data/image/label-colours.ts';
import type { Builder } from '../../context.ts';
import { type Value, value } from '../../values.ts';
import { answers } from '../answers.ts';

/** Tiles in a row of the original's sheets. */
const PER_ROW = 4;

const visuals: Builder = {
  run({ config, inputs }) {
    const found: Record<string, Value> = {};
    for (const n of config.colormaps as readonly number[]) {
      found[`output colormap.${n}`] = value([n, 3], labelColourMap(n));
    }
    const image = inputs.get('image');
    const [items, , height, width] = image.shape;
    found['output image_u8'] = value([items, height, width, 3], pictureBytes(image.data, width * height));

    const label = inputs.get('label');
    const [, , rows, columns] = label.shape;
    const first = label.data.subarray(0, rows * columns);
    const colours = labelColourMap(config.label_colormap as number);
    found['output label_rgb'] = value([rows, columns, 3], colourLabels(first, colours));

    const tile = inputs.get('tile');
    const [, , tall, wide] = tile.shape;
    const sheet = tilePictures(pictureBytes(tile.data, wide * tall), wide, tall, PER_ROW);
    found['output tile_u8'] = value([sheet.height, sheet.width, 3], sheet.rgb);
    return answers(found);
  },
};

export const visualKinds: Readonly<Record<string, Builder>> = { 'gaugan/visuals': visuals };
