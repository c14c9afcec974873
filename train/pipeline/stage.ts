/** A stage that makes one picture for each label map. */
import type { Device } from '../../engine/index.ts';
import type { Item } from './items.ts';
import type { StageName } from './stages.ts';

/** What was made so far: files by the names of their items. */
export type Results = ReadonlyMap<StageName, ReadonlyMap<string, string>>;

/** What the stages that paint need beside the recipe. */
export interface StageContext {
  /** of latents and of untrained weights, where nothing else says */
  readonly seed: number;
  /** storage type of networks and of what flows between their layers */
  readonly precision: 'f32' | 'f16';
  readonly warn: (line: string) => void;
}

/** As settings of a stage: pictures in f16 are others than those in f32, whose records say nothing of it. */
export const precisionSetting = ({ precision }: StageContext) => (precision === 'f16' ? { precision } : {});

export interface PictureStage {
  readonly name: StageName;
  /** of the program: raised when the same inputs and settings come to give other pictures */
  readonly version: number;
  /** everything beside the files that decides a picture, weights among it; plain values */
  readonly settings: Readonly<Record<string, unknown>>;
  /** for people: weights and the like */
  readonly description: string;
  /** of its pictures: `.png` */
  readonly extension: string;
  /** stages whose pictures it reads */
  readonly reads: readonly StageName[];
  /**
   * The files that decide a picture, by their part in it.
   *
   * @throws DataError when something is missing that the picture needs
   */
  inputs(item: Item, earlier: Results): Readonly<Record<string, string>>;
  /** Makes ready what it works with. `device` gives the same one at each call. */
  open(device: () => Promise<Device>): Promise<Painter>;
}

export interface Painter {
  /**
   * Makes the picture of an item.
   *
   * @returns what the user should know
   * @throws DataError, RequestError, OutOfMemoryError, NonFiniteError when this picture cannot be made
   */
  paint(item: Item, inputs: Readonly<Record<string, string>>, output: string): Promise<readonly string[]>;
  dispose(): void;
}

/** The picture that an earlier stage made for an item; the runner asks for none that lacks one. */
export function madeBy(stage: StageName, { name }: Item, earlier: Results): string {
  const file = earlier.get(stage)?.get(name);
  if (file === undefined) throw new Error(`internal error: ${name} has no picture of stage ${stage}`);
  return file;
}
