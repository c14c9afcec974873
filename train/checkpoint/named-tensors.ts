/**
 * From an unpickled object to named tensors: nested dicts and lists become dotted names, the dict that holds the weights
 * is taken out of a training checkpoint, and the prefix that DataParallel adds goes.
 */
import { CheckpointError } from '../../engine/errors.ts';
import { printable } from '../../models/checkpoint/printable.ts';
import { byteLength } from '../../models/checkpoint/tensor-map.ts';
import { PickledTensor } from './pickle-tensor.ts';
import { describeValue, isTuple, type Value } from './pickle-values.ts';
import type { StridedTensor } from './strided-tensor.ts';

export interface NamedTensors {
  readonly tensors: Map<string, StridedTensor>;
  /** What was left out or renamed, a line each. */
  readonly notes: string[];
}

/** Names under which training programs keep the weights beside other things. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'params'];
const MAX_DEPTH = 32;
const MAX_VISITS = 1 << 20;
const MAX_NAME = 1024;

interface Walk {
  readonly tensors: Map<string, StridedTensor>;
  visits: number;
  others: number;
}

/**
 * @param value     an object from `unpickle`
 * @param fileBytes size of the file, against which the tensors' total is held
 * @throws CheckpointError when there is no tensor, names collide, or the object is nested beyond reason
 */
export function nameTensors(value: Value, fileBytes: number): NamedTensors {
  const notes: string[] = [];
  const walk: Walk = { tensors: new Map(), visits: 0, others: 0 };
  visit(unwrap(value, notes), '', 0, walk);
  if (walk.tensors.size === 0) {
    throw new CheckpointError(
      'pickle: expected tensors with names, but the file holds none. Save a state dict: torch.save(model.state_dict(), FILE).',
    );
  }
  checkTotal(walk.tensors, fileBytes);
  if (walk.others > 0) notes.push(`${walk.others} values that are not tensors were left out`);
  return { tensors: stripDataParallel(walk.tensors, notes), notes };
}

function unwrap(value: Value, notes: string[]): Value {
  if (!(value instanceof Map)) return value;
  const wrapper = WRAPPERS.find((name) => value.get(name) instanceof Map);
  if (wrapper === undefined) return value;
  const others = [...value.keys()].filter((key) => key !== wrapper);
  if (others.length > 0)
    notes.push(`only "${wrapper}" was read; left out: ${others.slice(0, 8).map(describeValue).join(', ')}`);
  return value.get(wrapper)!;
}

function visit(value: Value, name: string, depth: number, walk: Walk): void {
  if (++walk.visits > MAX_VISITS || depth > MAX_DEPTH || name.length > MAX_NAME) {
    throw new CheckpointError(
      `pickle: the object is nested beyond reason at ${printable(name)}. Save a flat state dict instead.`,
    );
  }
  if (value instanceof PickledTensor) {
    const key = name || 'tensor';
    if (walk.tensors.has(key)) {
      throw new CheckpointError(
        `pickle: two tensors are named ${printable(key)}. Save a flat state dict with distinct names.`,
      );
    }
    walk.tensors.set(key, value.window);
    return;
  }
  const under = (part: string) => (name === '' ? part : `${name}.${part}`);
  if (value instanceof Map) {
    for (const [key, item] of value) {
      const named = typeof key === 'string' || typeof key === 'number';
      if (named) visit(item, under(String(key)), depth + 1, walk);
      else walk.others++;
    }
  } else if (Array.isArray(value) || isTuple(value)) {
    const items = isTuple(value) ? value.items : value;
    items.forEach((item, i) => {
      visit(item, under(String(i)), depth + 1, walk);
    });
  } else {
    walk.others++;
  }
}

/** Below this, tensors may share storages as they like; beyond it not more than eightfold. */
const FREE_BYTES = 1 << 30;

function checkTotal(tensors: ReadonlyMap<string, StridedTensor>, fileBytes: number): void {
  let total = 0;
  for (const [name, tensor] of tensors) total += byteLength(printable(name), tensor);
  if (total > Math.max(FREE_BYTES, 8 * fileBytes)) {
    throw new CheckpointError(
      `pickle: the tensors of a file of ${fileBytes} bytes claim ${total} bytes, for they share their storages. ` +
        'Save them as tensors of their own: {k: v.clone() for k, v in state.items()}.',
    );
  }
}

function stripDataParallel(tensors: Map<string, StridedTensor>, notes: string[]): Map<string, StridedTensor> {
  const prefix = 'module.';
  if (![...tensors.keys()].every((name) => name.startsWith(prefix) && name.length > prefix.length)) return tensors;
  notes.push(`the prefix "${prefix}" of DataParallel was taken off`);
  return new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
