import { empty, type Forecast, LimitError, OutOfMemoryError, ShapeError, scope } from '../../engine/index.ts';
import { applyMap } from './cwct.ts';
import { haloOf } from './halo.ts';
import { type CapVstnet, storageOf } from './latent.ts';
import { decodeTaking, encode } from './network.ts';
import { area, cutTiles, type Size, type Tile } from './tiles.ts';

export interface StylizePlan {
  readonly tiles: readonly Tile[];
  /** the picture's size after reflection to legal sides */
  readonly padded: Size;
  /** what the largest tile takes, beside the weights */
  readonly forecast: Forecast;
  /** pixels that are computed for each of the picture's: 1 untiled, more where halos overlap */
  readonly overhead: number;
}

/** Least share of a tile's side that is core when tiles are cut unasked; below it halos take 9 parts in 10 of the work. */
const LEAST_CORE = 1 / 3;

/** Sides that are tried, large ones first. */
const SIDES = [4096, 3072, 2560, 2048, 1792, 1536, 1440, 1408, 1280, 1152, 1024, 896, 768, 640, 512, 384, 256, 128];

/**
 * How a picture will be cut, and what the largest tile takes.
 *
 * @param tile  largest side of a tile in pixels, halo included; by default the largest that the device's limits and
 *              memory allow
 * @throws ShapeError for a picture under 2 pixels a side, or a tile that its halo fills
 * @throws LimitError, OutOfMemoryError when not even small tiles fit
 */
export function planStylize(net: CapVstnet, picture: Size, tile?: number): StylizePlan {
  const { multiple, smallest } = net.plan;
  if (picture.height < 2 || picture.width < 2) {
    throw new ShapeError(
      `A picture of ${picture.width} × ${picture.height} pixels cannot be repainted: expected at least 2 a side, for ` +
        'its statistics and its reflected borders. Use a larger picture.',
    );
  }
  const grown = (side: number) => Math.max(smallest, Math.ceil(side / multiple) * multiple);
  const padded = { height: grown(picture.height), width: grown(picture.width) };
  if (tile !== undefined) return planWith(net, padded, tile);
  let refusal: unknown;
  for (const side of tileSides(net, padded)) {
    try {
      return planWith(net, padded, side);
    } catch (error) {
      if (!doesNotFit(error)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/**
 * The largest size of the same shape that can be repainted on this device as it stands; undefined when none can.
 */
export function largestThatFits(net: CapVstnet, picture: Size): Size | undefined {
  const longest = Math.max(picture.height, picture.width);
  const reduced = (side: number): Size => ({
    height: Math.max(2, Math.round((picture.height * side) / longest)),
    width: Math.max(2, Math.round((picture.width * side) / longest)),
  });
  const fits = (side: number) => {
    try {
      return planStylize(net, reduced(side)) !== undefined;
    } catch (error) {
      if (!doesNotFit(error)) throw error;
      return false;
    }
  };
  let [least, most] = [1, longest];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(middle)) least = middle;
    else most = middle - 1;
  }
  return least > 1 ? reduced(least) : undefined;
}

/** Whether a failure says that something was too large for the device. */
export const doesNotFit = (error: unknown): boolean => error instanceof LimitError || error instanceof OutOfMemoryError;

function planWith(net: CapVstnet, padded: Size, tile: number): StylizePlan {
  const { multiple } = net.plan;
  const tiles = cutTiles(padded, Math.floor(tile / multiple) * multiple, multiple, haloOf(net.config));
  const computed = tiles.reduce((sum, { padded: seen }) => sum + area(seen), 0);
  return { tiles, padded, forecast: forecastTile(net, tiles), overhead: computed / area(padded) };
}

/** Untiled first, then ever smaller squares. */
function tileSides({ config }: CapVstnet, { height, width }: Size): number[] {
  const whole = Math.max(height, width);
  const least = (2 * haloOf(config)) / (1 - LEAST_CORE);
  return [whole, ...SIDES.filter((side) => side < whole && side >= least)];
}

function forecastTile(net: CapVstnet, tiles: readonly Tile[]): Forecast {
  const largest = tiles.reduce((a, b) => (area(b.padded) > area(a.padded) ? b : a)).padded;
  return net.device.forecast(() => recordTile(net, largest));
}

/** Records encoding, mapping and decoding of a tile on shapes alone, the picture and each latent freed once it was read. */
export function recordTile(net: CapVstnet, { height, width }: Size): void {
  const { device, params, config } = net;
  const { latentChannels: n } = net.plan;
  const z = scope(() =>
    encode(params, config, empty(device, { shape: [1, config.inChannel, height, width], dtype: storageOf(net) })),
  );
  const mapped = applyMap(z, { matrix: new Float64Array(n * n), offset: new Float64Array(n) });
  z.dispose();
  decodeTaking(params, config, mapped);
}
