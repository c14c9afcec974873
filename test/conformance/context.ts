/** What a builder gets and what it answers. */

import type { Inputs } from './inputs.ts';
import type { ParameterShape } from './parameters.ts';
import type { Value } from './values.ts';

/** All floating-point entries of a network's state dict, for `params [NET]`; `num_batches_tracked` is left out. */
export interface ParamSet {
  readonly entries: readonly { key: string; value: Value; trainable: boolean }[];
}

export type Answer = Value | ParamSet;

/** One answer, or several ways to compute it that must all agree with the expectation. */
export type Answers = Answer | readonly Answer[];

/** Computed now, or when somebody asks. */
export type Lazy = Answers | (() => Answers | Promise<Answers>);

/** Answers by `WHAT [@ STAGE]`, as the expectations spell it. A Map will do. */
export interface Results {
  get(of: string): Lazy | undefined;
}

export interface Context {
  /** the options of the specification, which alone decide what is built */
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: Inputs;
  /** parameters and buffers before the first forward, by state-dict key, with the network's name where there are several */
  readonly params: ReadonlyMap<string, Value>;
}

/** Builds, feeds and answers the cases of one kind. */
export interface Builder {
  /** Shapes of all parameters, for cases whose parameters are made by formula. */
  parameters?(config: Readonly<Record<string, unknown>>): ParameterShape[];
  run(context: Context): Promise<Results> | Results;
}
