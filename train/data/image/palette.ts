/** Palettes of label maps: which colour stands for which class. */
import { readFile } from 'node:fs/promises';
import { DataError, RequestError } from '../../errors.ts';
import { type ColourMap, hexColour } from './label-colours.ts';

export interface PaletteEntry {
  /** 0 to 255 */
  readonly id: number;
  readonly name?: string;
  readonly rgb: readonly [number, number, number];
}

/** No id twice; where a colour stands twice the first counts. Plain values, so that it can be sent to a thread. */
export type Palette = readonly PaletteEntry[];

/**
 * Reads a palette: JSON (a list of colours in the order of their ids, or of `{ "id", "name", "color" }`, alone or under
 * `classes`; a colour is [r, g, b] or "#rrggbb"), or text with lines `ID R G B NAME`, where # begins a comment.
 *
 * @throws RequestError when there is no such file
 * @throws DataError when it is not one
 */
export async function readPalette(path: string): Promise<Palette> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file. Check the spelling of the path.' : error.message;
    throw new RequestError(`${path}: expected the palette of the label maps, but ${reason}`);
  });
  try {
    return checked(/^\s*[[{]/.test(text) ? fromJson(JSON.parse(text)) : fromLines(text));
  } catch (error) {
    throw new DataError(
      `${path}: expected a palette, but ${(error as Error).message}. Write JSON such as ` +
        '[{"id": 0, "name": "sky", "color": "#5fdbff"}], or lines such as: 0 95 219 255 sky',
    );
  }
}

function fromJson(json: unknown): PaletteEntry[] {
  const list = Array.isArray(json) ? json : (json as { classes?: unknown }).classes;
  if (!Array.isArray(list)) throw new Error('its JSON is neither a list nor has one called "classes"');
  return list.map((one, i) => {
    const isColour = typeof one === 'string' || Array.isArray(one);
    const { id = i, name, color, colour = color } = isColour ? { color: one } : (one as Record<string, unknown>);
    const rgb = colourOf(colour);
    if (!rgb) throw new Error(`entry ${i} has no colour that is [r, g, b] or "#rrggbb"`);
    return { id: Number(id), name: typeof name === 'string' ? name : undefined, rgb };
  });
}

function colourOf(value: unknown): PaletteEntry['rgb'] | undefined {
  if (typeof value === 'string') {
    return /^#?[0-9a-f]{6}$/i.test(value) ? hexColour(value.replace('#', '')) : undefined;
  }
  const isByte = (v: unknown) => Number.isInteger(v) && (v as number) >= 0 && (v as number) <= 255;
  return Array.isArray(value) && value.length === 3 && value.every(isByte)
    ? (value as [number, number, number])
    : undefined;
}

function fromLines(text: string): PaletteEntry[] {
  const lines = text.split(/\r?\n/).map((line, i) => ({ number: i + 1, words: line.replace(/#.*/, '').trim() }));
  return lines
    .filter(({ words }) => words !== '')
    .map(({ number, words }) => {
      const [id, r, g, b, ...name] = words.split(/[\s,;:]+/);
      const rgb = colourOf([r, g, b].map(Number));
      if (!rgb || !/^\d+$/.test(id)) throw new Error(`line ${number} is not ID R G B NAME`);
      return { id: Number(id), name: name.join(' ') || undefined, rgb };
    });
}

function checked(entries: readonly PaletteEntry[]): Palette {
  if (entries.length === 0) throw new Error('it has no colours');
  const seen = new Set<number>();
  for (const { id } of entries) {
    if (!Number.isInteger(id) || id < 0 || id > 255)
      throw new Error(`it has the id ${id}, which is not one of 0 to 255`);
    if (seen.has(id)) throw new Error(`it has the id ${id} twice`);
    seen.add(id);
  }
  return entries;
}

/** The colours by id, as far as the largest: those that no id has are black. */
export function paletteColours(palette: Palette): ColourMap {
  const map = new Uint8Array(3 * (1 + Math.max(...palette.map(({ id }) => id))));
  for (const { id, rgb } of palette) map.set(rgb, 3 * id);
  return map;
}

/** The first `n` colours of a map as a palette. */
export function paletteOf(map: ColourMap, n = map.length / 3): Palette {
  return Array.from({ length: n }, (_, id) => ({ id, rgb: [map[3 * id], map[3 * id + 1], map[3 * id + 2]] as const }));
}

export interface IdsOfColours {
  /** [pixels]; 0 where the colour is unknown */
  readonly ids: Uint8Array<ArrayBuffer>;
  readonly unknown?: { readonly pixels: number; readonly first: number; readonly colour: string };
}

/**
 * The id of every pixel's colour.
 *
 * @param pixels   [pixels, channels], of which the first three are looked at
 * @param nearest  takes the nearest colour (by squared distance, the earlier of two) in place of an unknown one
 */
export function idsOfColours(pixels: Uint8Array, channels: number, palette: Palette, nearest = false): IdsOfColours {
  const known = new Map<number, number>();
  for (const { id, rgb } of palette) {
    const packed = (rgb[0] << 16) | (rgb[1] << 8) | rgb[2];
    if (!known.has(packed)) known.set(packed, id);
  }
  const ids = new Uint8Array(pixels.length / channels);
  let strange = 0;
  let first = -1;
  for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
    const packed = (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
    let id = known.get(packed);
    if (id === undefined && nearest) known.set(packed, (id = nearestEntry(packed, palette)));
    if (id === undefined) {
      if (strange++ === 0) first = i;
    } else ids[i] = id;
  }
  if (strange === 0) return { ids };
  const hex = (pixels[first * channels] * 65536 + pixels[first * channels + 1] * 256 + pixels[first * channels + 2])
    .toString(16)
    .padStart(6, '0');
  return { ids, unknown: { pixels: strange, first, colour: `#${hex}` } };
}

function nearestEntry(packed: number, palette: Palette): number {
  const [r, g, b] = [packed >> 16, (packed >> 8) & 255, packed & 255];
  const distance = ({ rgb }: PaletteEntry) => (rgb[0] - r) ** 2 + (rgb[1] - g) ** 2 + (rgb[2] - b) ** 2;
  return palette.reduce((best, entry) => (distance(entry) < distance(best) ? entry : best)).id;
}
