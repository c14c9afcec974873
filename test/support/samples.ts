import { floatToHalfBits, halfBitsToFloat } from '../../engine/half.ts';
import {
  type Device,
  type DType,
  type Ref,
  type SampleInput,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
} from '../../engine/index.ts';
import { generator, normal, sampleValues } from '../../engine/sample-values.ts';

export { generator, normal };

export function normals(random: () => number, shape: Shape): Ref {
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, () => normal(random)) };
}

export interface DrawnInput {
  readonly ref: Ref;
  readonly dtype: DType;
}

/** The numbers of one sample input, rounded to its storage type, so that reference and kernel see the same ones. */
export function draw(input: Shape | SampleInput, dtype: DType, random: () => number): DrawnInput {
  const spec: SampleInput = 'shape' in input ? input : { shape: input };
  const type: DType = spec.kind === 'label' ? 'u32' : dtype;
  const ref = { shape: spec.shape, data: sampleValues(spec, random) };
  if (type === 'f32') ref.data = Float64Array.from(ref.data, Math.fround);
  if (type === 'f16') ref.data = Float64Array.from(ref.data, (x) => halfBitsToFloat(floatToHalfBits(x)));
  return { ref, dtype: type };
}

export function toTensor(device: Device, { ref, dtype }: DrawnInput): Tensor {
  return tensor(device, Array.from(ref.data), ref.shape, dtype);
}
