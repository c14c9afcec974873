/** Parameters of a case: stored under a prefix, or made by formula from the shapes that the builder declares. */

import { det, detUnit, w1 } from './generate.ts';
import type { NetFormula, Override, ParamsSpec } from './manifest.ts';
import { sizeOf, type Value, value } from './values.ts';

/** One entry of a network's state dict, as its builder declares it. */
export interface ParameterShape {
  /** state-dict key, without the network's name */
  key: string;
  shape: readonly number[];
  /** in·kh·kw of the convolution, for its weight and its bias; needed by W1 alone */
  fanIn?: number;
  /** the network, where a case has several */
  net?: string;
}

/**
 * The parameters by name: the state-dict key, with the network's name in front where there are several.
 *
 * @param tensors  the tensors of the case's file
 * @param shapes   what the builder declares; called only for formulas
 * @throws Error when the formula needs shapes that the builder does not declare
 */
export function resolveParams(
  spec: ParamsSpec,
  tensors: ReadonlyMap<string, Value>,
  shapes: (() => ParameterShape[]) | undefined,
): Map<string, Value> {
  if (spec === null) return new Map();
  if (!('generate' in spec)) return withPrefix(tensors, spec.prefix);
  if (!shapes) throw new Error('Generated parameters need the shapes of the network: give the builder `parameters`.');
  const nets: Record<string, NetFormula> = spec.nets ?? { '': spec as NetFormula };
  const made = new Map<string, Value>();
  const fullNames = new Map<string, string>();
  for (const shape of shapes()) {
    const net = shape.net ?? '';
    const formula = nets[net];
    if (!formula) throw new Error(`The case has no formula for the network "${net}", only ${Object.keys(nets)}.`);
    const name = net === '' ? shape.key : `${net}.${shape.key}`;
    const full = (formula.keyPrefix ?? '') + shape.key;
    fullNames.set(name, full);
    made.set(name, spec.generate === 'w1' ? w1Parameter(shape, formula) : detParameter(full, shape.shape, formula));
  }
  for (const override of spec.overrides ?? []) applyOverride(made, fullNames, override, tensors);
  return made;
}

function withPrefix(tensors: ReadonlyMap<string, Value>, prefix: string): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const [name, tensor] of tensors) if (name.startsWith(prefix)) found.set(name.slice(prefix.length), tensor);
  return found;
}

/** bound = gain/√fan_in for weights, biasGain/√fan_in for biases. */
function w1Parameter({ key, shape, fanIn }: ParameterShape, formula: NetFormula): Value {
  const gain = key.endsWith('bias') ? formula.biasGain : formula.gain;
  if (!fanIn || gain === undefined) throw new Error(`W1 needs fanIn and a gain for ${key}: fanIn is ${fanIn}.`);
  return value(shape, w1(key, formula.seed, sizeOf(shape), gain / Math.sqrt(fanIn)));
}

/** The rules of det_v1 on the last dotted component of the name; the first that fits decides. */
export function detParameter(name: string, shape: readonly number[], formula: NetFormula): Value {
  const n = sizeOf(shape);
  const last = name.slice(name.lastIndexOf('.') + 1);
  const affine = (b: number, a: number) => value(shape, det(name, formula.seed, n, b, a));
  if (formula.b !== undefined && formula.a !== undefined) return affine(formula.b, formula.a);
  if (last === 'num_batches_tracked') return value(shape, new Float32Array(n));
  if (last === 'running_mean') return affine(0, 0.1);
  if (last === 'running_var') return affine(1, 0.3);
  if (last === 'rho' || last === 'w_gamma' || last === 'w_beta') return affine(0.5, 0.5);
  if (last === 'gamma' && shape.length === 4) return affine(1, 0.2);
  if (last === 'beta' && shape.length === 4) return affine(0, 0.1);
  if (last === 'weight_u' || last === 'weight_v') return value(shape, unitVector(name, formula.seed, n));
  if (shape.length >= 2) {
    const fan = sizeOf(shape.slice(1));
    return affine(0, formula.gain * Math.sqrt(3 / fan));
  }
  if (last === 'weight' || last === 'weight_orig') return name.includes('prelu') ? affine(0.25, 0.1) : affine(1, 0.2);
  return affine(0, 0.1);
}

/** w / max(‖w‖, 1e-12), in double before rounding. */
function unitVector(name: string, seed: number, n: number): Float32Array {
  const w = detUnit(name, seed, n);
  const length = Math.max(Math.sqrt(w.reduce((s, x) => s + x * x, 0)), 1e-12);
  return Float32Array.from(w, (x) => x / length);
}

function applyOverride(
  made: Map<string, Value>,
  fullNames: ReadonlyMap<string, string>,
  override: Override,
  tensors: ReadonlyMap<string, Value>,
): void {
  if ('keys' in override) {
    const pattern = new RegExp(override.keys);
    for (const [name, full] of fullNames) {
      if (pattern.test(full)) made.get(name)?.data.fill(override.value);
    }
    return;
  }
  for (const [full, stored] of withPrefix(tensors, override.prefix)) {
    const name = [...fullNames].find(([, candidate]) => candidate === full)?.[0];
    if (!name) throw new Error(`The stored override ${override.prefix}${full} names no parameter of the network.`);
    made.set(name, stored);
  }
}
