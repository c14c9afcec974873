/** Compares the names and shapes of a file with those that a network needs. Bytes never matter here. */
import { CheckpointError } from '../../engine/errors.ts';
import { KEY_MAPS, type KeyMap, type Shape } from './key-maps.ts';
import { printable } from './printable.ts';
import type { TensorInfo } from './tensor-map.ts';

export interface KeyMatch {
  readonly missing: readonly string[];
  /** Names in the file that the network does not know. */
  readonly unexpected: readonly string[];
  /** One line each: name, shape in the file, shape that the network needs. */
  readonly wrongShape: readonly string[];
}

const sameShape = (a: Shape, b: Shape) => a.length === b.length && a.every((extent, i) => extent === b[i]);

/** @param got names as the network has them (after `rename`) */
export function matchKeys(
  got: ReadonlyMap<string, { readonly shape: Shape }>,
  required: ReadonlyMap<string, Shape>,
  optional: ReadonlyMap<string, Shape> = new Map(),
): KeyMatch {
  const missing = [...required.keys()].filter((name) => !got.has(name));
  const unexpected: string[] = [];
  const wrongShape: string[] = [];
  for (const [name, { shape }] of got) {
    const expected = required.get(name) ?? optional.get(name);
    if (!expected) unexpected.push(name);
    else if (!sameShape(shape, expected)) wrongShape.push(`${name}: [${shape}], expected [${expected}]`);
  }
  return { missing, unexpected, wrongShape };
}

const MAX_LISTED = 12;

function listing(title: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, MAX_LISTED).map((name) => `\n    ${printable(name)}`);
  const more = names.length > MAX_LISTED ? `\n    … and ${names.length - MAX_LISTED} more` : '';
  return `\n  ${title} (${names.length}):${shown.join('')}${more}`;
}

/**
 * Refuses tensors that do not fit a network.
 *
 * @param what   the file and the network, for the message
 * @param match  from `matchKeys`
 * @param strict refuse unexpected names, too
 * @throws CheckpointError with `missing` and `unexpected` when names are missing, shapes differ, or (strict) names are
 *         unknown
 */
export function assertMatch(what: string, match: KeyMatch, strict = false): void {
  const { missing, unexpected, wrongShape } = match;
  if (missing.length === 0 && wrongShape.length === 0 && !(strict && unexpected.length > 0)) return;
  throw new CheckpointError(
    `${what}: the tensors do not fit.` +
      listing('missing', missing) +
      listing('wrong shape', wrongShape) +
      listing('unexpected', unexpected) +
      '\nCheck that this is the checkpoint of that network; names can be mapped with --map FILE, a JSON object of ' +
      '{"name in the file": "name in the network"}.',
    { missing, unexpected },
  );
}

export interface ModelGuess {
  readonly map: KeyMap;
  /** Every required tensor is there with its shape. */
  readonly complete: boolean;
  readonly match: KeyMatch;
}

/**
 * Which network a file belongs to, by names and shapes: one that it fits, else one of which it has at least half the
 * names. CAP-VSTNet's two networks cannot be told apart.
 */
export function guessModel(tensors: ReadonlyMap<string, TensorInfo>): ModelGuess | undefined {
  let best: ModelGuess | undefined;
  let bestFit = 0.5;
  for (const map of KEY_MAPS) {
    const named = renamed(tensors, map);
    const required = map.required(named);
    const match = withoutDerived(matchKeys(named, required, map.optional()), map, named);
    const wrong = match.missing.length + match.wrongShape.length;
    const fit = (required.size - wrong) / required.size - (match.unexpected.length > 0 ? 1e-3 : 0);
    if (fit >= bestFit && (fit > bestFit || !best)) {
      best = { map, complete: wrong === 0, match };
      bestFit = fit;
    }
  }
  return best;
}

function renamed(tensors: ReadonlyMap<string, TensorInfo>, map: KeyMap): Map<string, TensorInfo> {
  const result = new Map<string, TensorInfo>();
  for (const [key, info] of tensors) {
    const name = map.rename(key, tensors);
    if (name !== null) result.set(name, info);
  }
  return result;
}

/** What can be made of other tensors is not missing. */
export function withoutDerived(match: KeyMatch, map: KeyMap, file: { has(key: string): boolean }): KeyMatch {
  const missing = match.missing.filter((key) => map.derive?.(key)?.from.every((name) => file.has(name)) !== true);
  return { ...match, missing };
}
