/** From any checkpoint that we read to safetensors or npz, under the names of a network and checked against them. */
import { basename, extname } from 'node:path';
import { CheckpointError } from '../../engine/errors.ts';
import { KEY_MAPS, type KeyMap, keyMapFor } from '../../models/checkpoint/key-maps.ts';
import { assertMatch, guessModel, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { printable } from '../../models/checkpoint/printable.ts';
import { type Renames, renameKeys, renameWith } from '../../models/checkpoint/rename-keys.ts';
import { elementCount, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { refuseExisting, type WriteOptions } from './atomic-write.ts';
import { fileSha256 } from './file-hash.ts';
import { writeNpz } from './npz.ts';
import { type CheckpointFile, openCheckpoint } from './open-checkpoint.ts';
import { readTensors, type StoredTensor, writeSafetensors } from './safetensors-file.ts';

export interface ConvertOptions extends WriteOptions {
  /** A name of `KEY_MAPS`; "none" keeps every tensor as it is; left out, the names and shapes decide. */
  readonly model?: string;
  /** Applied before the network's own names. */
  readonly renames?: Renames;
  /** Refuse tensors that the network does not know, rules that meet no name, and files of no known network. */
  readonly strict?: boolean;
  /** Check everything and write nothing. */
  readonly dryRun?: boolean;
}

export interface ConvertReport {
  readonly output: string;
  /** The network that the tensors were checked against; undefined when there was none. */
  readonly model: string | undefined;
  readonly tensors: number;
  readonly parameters: number;
  /** What was left out, renamed or cast, a line each. */
  readonly notes: readonly string[];
}

/** @throws CheckpointError when there is no such network */
export function requireKeyMap(model: string): KeyMap {
  const map = keyMapFor(model);
  if (map) return map;
  const names = [...KEY_MAPS.map((known) => known.model), 'none'].join(', ');
  throw new CheckpointError(`--model ${model}: expected one of ${names}. Choose one, or leave --model out.`);
}

/**
 * Converts a checkpoint.
 *
 * @throws CheckpointError when the input is unsafe or damaged, or does not fit the network; OutputExistsError when
 *         `output` exists and `overwrite` is not set; Error with a `code` when a file cannot be read or written
 */
export async function convertCheckpoint(
  input: string,
  output: string,
  options: ConvertOptions = {},
): Promise<ConvertReport> {
  await refuseExisting(output, options);
  const file = await openCheckpoint(input);
  try {
    const notes = [...file.notes];
    const { tensors, model } = chooseTensors(file, options, notes);
    const parameters = [...tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
    if (options.dryRun) {
      notes.push('nothing was written: a dry run');
    } else if (extname(output) === '.npz') {
      await writeNpz(output, await readTensors(tensors), options);
    } else {
      const metadata = await describe(file, model);
      await writeSafetensors(output, tensors, { overwrite: options.overwrite, metadata });
    }
    return { output, model, tensors: tensors.size, parameters, notes };
  } finally {
    await file.close();
  }
}

function chooseTensors(file: CheckpointFile, options: ConvertOptions, notes: string[]) {
  const { renames = {}, strict = false } = options;
  const { tensors, unused } = renameKeys(file.tensors, renames);
  if (unused.length > 0) {
    const line = `rules of --map that met no name: ${unused.join(', ')}`;
    if (strict) throw new CheckpointError(`${file.path}: ${line}. Correct them, or leave --strict out.`);
    notes.push(line);
  }
  if (options.model === 'none') return { tensors, model: undefined };
  const map = options.model === undefined ? guessModel(tensors)?.map : requireKeyMap(options.model);
  if (!map) {
    if (strict) {
      throw new CheckpointError(
        `${file.path}: the tensors fit no known network (${KEY_MAPS.map(({ model }) => model).join(', ')}). ` +
          'Name one with --model, or leave --strict out to convert them as they are.',
      );
    }
    notes.push('no known network: names and types are kept');
    return { tensors, model: undefined };
  }
  return { tensors: fitTo(map, tensors, file.path, strict, notes), model: map.model };
}

/** The tensors that the network has, under its names, in its order, F64 cast to F32. */
function fitTo(
  map: KeyMap,
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
  strict: boolean,
  notes: string[],
): Map<string, StoredTensor> {
  const named = renameWith(tensors, (key) => map.rename(key, tensors));
  if (named.size < tensors.size) notes.push(`${tensors.size - named.size} tensors that ${map.model} does not use`);
  const required = map.required(named);
  const made = derivedTensors(map, required, named);
  if (made.size > 0) notes.push(`made from others, for the file lacks them: ${listed([...made.keys()])}`);
  for (const [name, tensor] of made) named.set(name, tensor);
  const expected = new Map([...required, ...map.optional()]);
  const match = matchKeys(named, required, map.optional());
  assertMatch(`${path} for ${map.model}`, match, strict);
  if (match.unexpected.length > 0) notes.push(`left out, unknown to ${map.model}: ${listed(match.unexpected)}`);
  const result = new Map<string, StoredTensor>();
  let cast = 0;
  for (const name of expected.keys()) {
    const tensor = named.get(name);
    if (!tensor) continue;
    if (tensor.dtype === 'F64') cast++;
    result.set(name, tensor.dtype === 'F64' ? toF32(tensor) : tensor);
  }
  if (cast > 0) notes.push(`${cast} tensors cast from F64 to F32`);
  return result;
}

const MOST_LISTED = 8;

function listed(names: readonly string[]): string {
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : '';
  return `${names.slice(0, MOST_LISTED).map(printable).join(', ')}${more}`;
}

/** The required tensors that a file lacks and that can be made of others, as if they were in it. */
export function derivedTensors(
  map: KeyMap,
  required: ReadonlyMap<string, readonly number[]>,
  tensors: ReadonlyMap<string, StoredTensor>,
): Map<string, StoredTensor> {
  const made = new Map<string, StoredTensor>();
  for (const [name, shape] of required) {
    const derived = tensors.has(name) ? undefined : map.derive?.(name);
    const sources = derived?.from.map((key) => tensors.get(key));
    if (!derived || !sources?.every((source) => source !== undefined)) continue;
    const read = async () => {
      const values = await Promise.all(
        sources.map(async (source) => toFloat32Array({ ...source, bytes: await source.read() })),
      );
      const shapes = sources.map((source) => source.shape);
      return new Uint8Array(derived.make(values, shapes).buffer);
    };
    made.set(name, { dtype: 'F32', shape, read });
  }
  return made;
}

function toF32(tensor: StoredTensor): StoredTensor {
  const { dtype, shape } = tensor;
  return {
    dtype: 'F32',
    shape,
    read: async () => new Uint8Array(toFloat32Array({ dtype, shape, bytes: await tensor.read() }).buffer),
  };
}

/**
 * What the file says about itself: where it comes from and which network it is for. CAP-VSTNet's two networks have the
 * same names and shapes; only the name of the original file tells them apart.
 */
async function describe(file: CheckpointFile, model: string | undefined): Promise<Map<string, string>> {
  const metadata = new Map(file.metadata);
  metadata.set('source', basename(file.path));
  metadata.set('source_format', file.format);
  metadata.set('source_sha256', await fileSha256(file.path));
  if (model !== undefined) metadata.set('model', model);
  const mode = model === 'cap-vstnet' ? modeOfName(basename(file.path)) : undefined;
  if (mode !== undefined && !metadata.has('mode')) metadata.set('mode', mode);
  return metadata;
}

/** "photo" or "art" when a CAP-VSTNet file name says one of them: photo_image.pt, art-video.pt. */
export function modeOfName(name: string): 'photo' | 'art' | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/);
  const photo = words.some((word) => word === 'photo' || word === 'photorealistic');
  const art = words.some((word) => word === 'art' || word === 'artistic');
  if (photo === art) return undefined;
  return photo ? 'photo' : 'art';
}
