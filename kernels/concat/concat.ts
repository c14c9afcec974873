import {
  DTypeError,
  defineOp,
  filled,
  type Op,
  type Sample,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  type TensorSpec,
} from '../../engine/index.ts';
import { launchCopy } from './launch.ts';
import { launchHalves, launchPair, suitsPair } from './pair.ts';
import { concatRef, sliceRef } from './reference.ts';
import { frontAxis, slice } from './slice.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
type Name = (typeof NAMES)[number];

const outerOf = (shape: Shape, axis: number) => sizeOf(shape.slice(0, axis));
const innerOf = (shape: Shape, axis: number) => sizeOf(shape.slice(axis + 1));
const withExtent = (shape: Shape, axis: number, extent: number) => shape.map((n, k) => (k === axis ? extent : n));
const total = (extents: readonly number[]) => extents.reduce((a, b) => a + b, 0);

/** The inputs that are there, in order. */
const present = <V>(inputs: { readonly [name in Name]?: V }): V[] =>
  NAMES.flatMap((name) => (inputs[name] === undefined ? [] : [inputs[name] as V]));

function concatShape(parts: readonly TensorSpec[], axis: number): TensorSpec {
  const [first] = parts;
  for (const part of parts) {
    if (part.dtype !== first.dtype) {
      throw new DTypeError(`concat: expected one storage type, got ${parts.map(({ dtype }) => dtype)}. Use cast().`);
    }
    const fits =
      part.shape.length === first.shape.length && part.shape.every((n, k) => k === axis || n === first.shape[k]);
    if (!fits) {
      throw new ShapeError(
        `concat: expected shapes that differ along axis ${axis} alone, got ` +
          `${parts.map(({ shape }) => `[${shape}]`).join(', ')}. Pad, crop or permute one of them.`,
      );
    }
  }
  return { shape: withExtent(first.shape, axis, total(parts.map(({ shape }) => shape[axis]))), dtype: first.dtype };
}

const concatOp: Op<Name, readonly ['y'], { axis: number }> = defineOp({
  name: 'concat',
  inputs: NAMES,
  optional: ['b', 'c', 'd', 'e', 'f', 'g', 'h'],
  outputs: ['y'],
  defaults: { axis: 0 },
  shape: (inputs, { axis }) => ({ y: concatShape(present(inputs), axis) }),
  forward: (inputs, { y }, { axis }) => {
    const parts = present<Tensor>(inputs);
    if (parts.length === 2 && suitsPair(y)) {
      launchPair(parts[0], parts[1], y, outerOf(y.shape, axis));
      return;
    }
    let start = 0;
    for (const tensor of parts) {
      const length = tensor.shape[axis];
      launchCopy(
        { tensor, extent: length, start: 0, step: 1 },
        { tensor: y, extent: y.shape[axis], start, step: 1 },
        outerOf(y.shape, axis),
        length,
        innerOf(y.shape, axis),
      );
      start += length;
    }
  },
  backward: ({ dy }, { axis }, { needs, inputs }) => {
    const { a, b } = inputs;
    if (present(inputs).length === 2 && needs.a && needs.b) {
      const [da, db] = split(dy, [a.shape[axis], b.shape[axis]], axis);
      return { da, db };
    }
    const grads: { [name in `d${Name}`]?: Tensor } = {};
    let start = 0;
    for (const name of NAMES) {
      if (!inputs[name]) continue;
      const end = start + inputs[name].shape[axis];
      if (needs[name]) grads[`d${name}`] = slice(dy, { axis, start, end });
      start = end;
    }
    return grads;
  },
  reference: (inputs, { axis }) => ({ y: concatRef(present(inputs), axis) }),
  samples: [
    { inputs: { a: [2, 3, 5], b: [2, 4, 5] }, attrs: { axis: 1 } },
    { inputs: { a: [1, 16, 3, 4], b: [1, 16, 3, 4] }, attrs: { axis: 1 } },
    { inputs: { a: [7, 4], b: [7, 8], c: [7, 12] }, attrs: { axis: 1 } },
    {
      inputs: { a: [3, 1], b: [3, 2], c: [3, 300], d: [3, 5], e: [3, 1], f: [3, 4], g: [3, 3], h: [3, 2] },
      attrs: { axis: 1 },
    },
    { inputs: { a: [1], b: [5] } },
    { inputs: { a: [4, 3] }, attrs: { axis: 1 } },
    {
      inputs: { a: { shape: [2, 3], kind: 'label', below: 4e9 }, b: { shape: [2, 2], kind: 'label', below: 4e9 } },
      attrs: { axis: 1 },
      dtypes: ['f32'],
    },
    {
      inputs: { a: [1, 16, 512, 512], b: [1, 16, 512, 512] },
      attrs: { axis: 1 },
      bench: 'two halves of 16 planes of 512²',
    },
    {
      inputs: { a: [1, 16, 509, 509], b: [1, 16, 509, 509] },
      attrs: { axis: 1 },
      bench: 'two halves of 16 planes of 509²',
    },
  ],
});

/**
 * Tensors one after the other along one axis.
 *
 * @param tensors  at least one; equal storage types, equal shapes but for the axis
 * @param axis     negative from the end
 * @returns        the tensor itself where there is but one
 * @throws ShapeError when another extent differs, or no tensor came
 * @throws DTypeError when the storage types differ
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 0) throw new ShapeError('concat: expected at least one tensor, got none. Pass one.');
  const k = frontAxis('concat', tensors[0].shape, axis);
  let rest = tensors;
  while (rest.length > 1) {
    const groups = Array.from({ length: Math.ceil(rest.length / NAMES.length) }, (_, i) =>
      rest.slice(i * NAMES.length, (i + 1) * NAMES.length),
    );
    rest = groups.map((group) =>
      group.length === 1
        ? group[0]
        : concatOp(Object.fromEntries(group.map((tensor, i) => [NAMES[i], tensor])), { axis: k }).y,
    );
  }
  return rest[0];
}

interface SplitAttrs {
  axis: number;
  sizes: readonly number[];
}

function splitShapes(x: TensorSpec, { axis, sizes }: SplitAttrs): TensorSpec[] {
  if (total(sizes) !== x.shape[axis] || sizes.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new ShapeError(
      `split: expected sizes of at least 1 that add up to ${x.shape[axis]}, the extent of axis ${axis} of ` +
        `[${x.shape}], got [${sizes}]. Check the sizes, or use slice() to drop a part.`,
    );
  }
  return sizes.map((size) => ({ shape: withExtent(x.shape, axis, size), dtype: x.dtype }));
}

/** An op with `count` outputs: the pieces have one gradient together, which is one concatenation. */
function splitInto(count: 2 | 3 | 4, samples: readonly Sample<'x', SplitAttrs>[]) {
  const names: readonly Name[] = NAMES.slice(0, count);
  const named = <V>(values: readonly V[]) =>
    Object.fromEntries(names.map((name, i) => [name, values[i]])) as { readonly [name in Name]: V };
  const op: Op<'x', readonly Name[], SplitAttrs> = defineOp({
    name: `split${count}`,
    inputs: ['x'],
    outputs: names,
    defaults: { axis: 0, sizes: [] } as SplitAttrs,
    shape: ({ x }, attrs) => named(splitShapes(x, attrs)),
    forward: ({ x }, outputs, { axis, sizes }) => {
      if (count === 2 && suitsPair(x)) {
        launchHalves(x, outputs.a, outputs.b, outerOf(x.shape, axis));
        return;
      }
      let start = 0;
      names.forEach((name, i) => {
        launchCopy(
          { tensor: x, extent: x.shape[axis], start, step: 1 },
          { tensor: outputs[name], extent: sizes[i], start: 0, step: 1 },
          outerOf(x.shape, axis),
          sizes[i],
          innerOf(x.shape, axis),
        );
        start += sizes[i];
      });
    },
    backward: (grads, attrs, { inputs }) => {
      const specs = splitShapes(inputs.x, attrs);
      const found = names.map((name) => grads[`d${name}`]);
      const like = found.find((grad) => grad) as Tensor;
      const pieces = found.map((grad, i) => grad ?? filled(like, specs[i], 0));
      return { dx: concat(pieces, attrs.axis) };
    },
    reference: ({ x }, { axis, sizes }) => {
      const ends = sizes.map((_, i) => total(sizes.slice(0, i + 1)));
      return named(sizes.map((size, i) => sliceRef(x, axis, ends[i] - size, ends[i], 1)));
    },
    samples,
  });
  return (x: Tensor, attrs: SplitAttrs): Tensor[] => {
    const outputs = op({ x }, attrs);
    return names.map((name) => outputs[name]);
  };
}

const splits = {
  2: splitInto(2, [
    { inputs: { x: [2, 8, 3, 4] }, attrs: { axis: 1, sizes: [4, 4] } },
    { inputs: { x: [3, 7] }, attrs: { axis: 1, sizes: [1, 6] } },
    { inputs: { x: [1, 32, 512, 512] }, attrs: { axis: 1, sizes: [16, 16] }, bench: 'halves of 32 planes of 512²' },
  ]),
  3: splitInto(3, [{ inputs: { x: [5, 3, 2] }, attrs: { axis: 0, sizes: [1, 3, 1] } }]),
  4: splitInto(4, [{ inputs: { x: [2, 11, 2] }, attrs: { axis: 1, sizes: [2, 4, 4, 1] } }]),
};

/**
 * The parts of x along one axis: what `concat` puts together.
 *
 * @param x      any rank and storage type
 * @param sizes  extents of the parts, which add up to the axis
 * @param axis   negative from the end
 * @returns      as many tensors as sizes; x itself where there is but one
 * @throws ShapeError when the sizes do not add up to the axis
 */
export function split(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  const k = frontAxis('split', x.shape, axis);
  splitShapes(x, { axis: k, sizes });
  if (sizes.length === 1) return [x];
  if (sizes.length <= 4) return splits[sizes.length as 2 | 3 | 4](x, { axis: k, sizes });
  const quarter = Math.ceil(sizes.length / 4);
  const groups = [0, 1, 2, 3]
    .map((i) => sizes.slice(i * quarter, (i + 1) * quarter))
    .filter((group) => group.length > 0);
  const parts = split(x, groups.map(total), k);
  return parts.flatMap((part, i) => split(part, groups[i], k));
}
