/** Inputs of a case by role: stored, generated, or a file of their own. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cosines, det, lowerTriangle, w1 } from './generate.ts';
import type { Case, Generate, InputSpec } from './manifest.ts';
import { sameShape, sizeOf, type Value, value } from './values.ts';

export interface Inputs {
  readonly roles: readonly string[];
  has(role: string): boolean;
  /** @throws Error when the case has no such tensor */
  get(role: string): Value;
  /** The tensor, or undefined where the role is optional. */
  find(role: string): Value | undefined;
  /** Roles `prefix0`, `prefix1`, … (or `prefix.0`) for as long as they go on. */
  series(prefix: string): Value[];
  /** Bytes of the file that the role names. */
  file(role: string): Uint8Array;
  /**
   * The cotangent of an output, of its shape: role `cot_NAME`; role `cot` for the only output, for `y`, or for every
   * output where it is generated so. Undefined where the case has none for it.
   */
  cotangent(output: string, shape: readonly number[], outputs?: readonly string[]): Value | undefined;
}

/** @param tensors  the tensors of the case's file */
export function resolveInputs(golden: Case, folder: string, tensors: ReadonlyMap<string, Value>): Inputs {
  const made = new Map<string, Value>();

  function get(role: string): Value {
    const spec = golden.inputs[role];
    if (spec === undefined) {
      throw new Error(`The case has no input "${role}", only ${Object.keys(golden.inputs).join(', ')}.`);
    }
    let found = made.get(role);
    if (!found) made.set(role, (found = resolve(role, spec, tensors, get)));
    return found;
  }

  return {
    roles: Object.keys(golden.inputs),
    has: (role) => role in golden.inputs,
    get,
    find: (role) => (role in golden.inputs ? get(role) : undefined),
    series(prefix) {
      const dot = `${prefix}.0` in golden.inputs ? '.' : '';
      const found: Value[] = [];
      while (`${prefix}${dot}${found.length}` in golden.inputs) found.push(get(`${prefix}${dot}${found.length}`));
      return found;
    },
    file(role) {
      const spec = golden.inputs[role];
      if (typeof spec !== 'object' || !('file' in spec)) throw new Error(`The input "${role}" is no file of its own.`);
      return readFileSync(join(folder, spec.file));
    },
    cotangent(output, shape, outputs = [output]) {
      const role = `cot_${output}` in golden.inputs ? `cot_${output}` : 'cot';
      const spec = golden.inputs[role];
      const like = typeof spec === 'object' && 'generate' in spec ? spec.generate.like : undefined;
      const shared = role === 'cot' && outputs.length > 1 && output !== 'y' && like !== 'output every';
      if (spec === undefined || shared) return undefined;
      if (like !== undefined) return value(shape, cosines(sizeOf(shape)));
      const cotangent = get(role);
      if (!sameShape(cotangent.shape, shape)) {
        throw new Error(`The cotangent ${role} has the shape [${cotangent.shape}], but ${output} has [${shape}].`);
      }
      return cotangent;
    },
  };
}

function resolve(
  role: string,
  spec: InputSpec,
  tensors: ReadonlyMap<string, Value>,
  other: (role: string) => Value,
): Value {
  if (typeof spec === 'string') {
    const tensor = tensors.get(spec);
    if (!tensor) throw new Error(`The input "${role}" names the tensor ${spec}, which the file does not have.`);
    return tensor;
  }
  if ('file' in spec) throw new Error(`The input "${role}" is a file; read it with inputs.file.`);
  return generate(role, spec.generate, other);
}

function generate(role: string, g: Generate, other: (role: string) => Value): Value {
  const { shape } = g;
  if (!shape) throw new Error(`The input "${role}" takes the shape of ${g.like}; ask for it with inputs.cotangent.`);
  const n = sizeOf(shape);
  if (g.formula === 'sum') return value(shape, sumOfTerms(role, g, n, other));
  const made = formulaValues(role, g, n);
  return value(shape, g.then === 'tril' ? lowerTriangle(shape, made) : made);
}

function formulaValues(role: string, g: Partial<Generate>, n: number): Float32Array {
  switch (g.formula) {
    case 'cos':
      return cosines(n);
    case 'w1':
      return w1(g.key ?? '', g.seed ?? 0, n, g.bound ?? 1);
    case 'det_v1':
      return det(g.name ?? '', g.seed ?? 0, n, g.b ?? 0, g.a ?? 1);
    default:
      throw new Error(`The input "${role}" asks for the unknown formula ${g.formula}.`);
  }
}

/** Σ scale·term, every step rounded to float32. */
function sumOfTerms(role: string, g: Generate, n: number, other: (role: string) => Value): Float32Array {
  const total = new Float32Array(n);
  for (const term of g.terms ?? []) {
    const data = 'input' in term ? other(term.input).data : formulaValues(role, term, n);
    const scale = Math.fround(term.scale);
    for (let i = 0; i < n; i++) total[i] += Math.fround(scale * data[i]);
  }
  return total;
}
