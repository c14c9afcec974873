import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AnyOp,
  allOps,
  type Device,
  GradientError,
  type Ref,
  type Sample,
  scope,
  sizeOf,
  type Tensor,
  tensor,
  vjp,
} from '../../engine/index.ts';
import { add, full, mul, sum } from '../../kernels/index.ts';
import { unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { type DrawnInput, draw, generator, normals, toTensor } from '../support/samples.ts';

/** Ops that must have second derivatives; others have them or say that they do not. */
const TWICE = [
  ...['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'power', 'affine', 'relu', 'leakyRelu', 'tanh', 'sigmoid'],
  ...['exp', 'log', 'sqrt', 'rsqrt', 'abs', 'clamp', 'pow', 'silu', 'softplus', 'where'],
  ...['sum', 'broadcast', 'reshape', 'matmul', 'conv2d', 'convTranspose2d', 'conv2dWeightGrad'],
];

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

describe('the second derivative', () => {
  for (const op of allOps()) {
    const { name, backward } = op.definition;
    const sample = smallestSample(op);
    if (!backward || !sample) continue;
    const must = TWICE.includes(name);
    it(`of ${name} ${must ? 'agrees with differences' : 'agrees with differences, or is refused by name'}`, async () => {
      try {
        await check(op, sample);
      } catch (error) {
        if (must || !(error instanceof GradientError)) throw error;
        expect(error.message).toMatch(/has no derivative/);
      }
    });
  }

  it('is there for every op that promises it', () => {
    const names = allOps().map(({ definition }) => definition.name);
    expect(TWICE.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('goes through a network of several ops', async () => {
    // S = Σ (d/dx Σ (w x²)·x)² = Σ (3 w x²)²: dS/dx = 36 w² x³, dS/dw = 18 w x⁴
    const x = tensor(device, [0.5, -1, 2], [3]);
    const w = tensor(device, [1, 2, -0.5], [3]);
    const one = full(x, { shape: [], dtype: 'f32' }, 1);
    const [dx, dw] = scope(() => {
      const outer = vjp(() => {
        const inner = vjp(() => [sum(mul(mul(w, mul(x, x)), x))], [x]);
        const [g] = inner.pull([one]);
        return [sum(mul(g as Tensor, g as Tensor))];
      }, [x, w]);
      return outer.pull([one]);
    });
    expect([...(await (dx as Tensor).data())]).toEqual([4.5, -144, 72]);
    expect([...(await (dw as Tensor).data())]).toEqual([1.125, 36, -144]);
    for (const t of [x, w, one, dx, dw]) t?.dispose();
  });
});

type AnySample = Sample<string, object>;

/** Where differences make sense, the sample with the fewest numbers but more than a handful. */
function smallestSample({ definition }: AnyOp): AnySample | undefined {
  const candidates = (definition.samples as AnySample[]).filter(
    ({ bench, gradient, dtypes }) => !bench && gradient !== false && (dtypes ?? ['f32']).includes('f32'),
  );
  const size = ({ inputs }: AnySample) =>
    Object.values(inputs).reduce((n, input) => n + (input ? sizeOf('shape' in input ? input.shape : input) : 0), 0);
  const sorted = candidates.sort((a, b) => size(a) - size(b));
  return sorted.find((sample) => size(sample) >= 12) ?? sorted.at(-1);
}

/** uᵀ H v on the GPU, H the Hessian of ⟨c, y⟩ in all inputs, against mixed differences of the float64 reference. */
async function check(op: AnyOp, sample: AnySample): Promise<void> {
  const { definition } = op;
  const random = generator(7);
  const attrs = { ...definition.defaults, ...sample.attrs };
  const drawn: Record<string, DrawnInput> = {};
  for (const name of definition.inputs as string[]) {
    const input = sample.inputs[name];
    if (input) drawn[name] = draw(input, 'f32', random);
  }
  const floats = Object.keys(drawn).filter((name) => drawn[name].dtype !== 'u32');
  const directions = (): Record<string, Ref> =>
    Object.fromEntries(floats.map((name) => [name, round(normals(random, drawn[name].ref.shape))]));
  const [u, v] = [directions(), directions()];
  const output = definition.outputs[0] as string;
  const reference = (a: number, b: number): Ref => {
    const at = Object.entries(drawn).map(([name, { ref }]) => {
      const data = ref.data.map((x, i) => x + (u[name] ? a * u[name].data[i] + b * v[name].data[i] : 0));
      return [name, { shape: ref.shape, data }];
    });
    return definition.reference(Object.fromEntries(at), attrs)[output] as Ref;
  };
  const c = round(normals(random, reference(0, 0).shape));
  const h = 1e-4;
  const value = (a: number, b: number) => dot(reference(a * h, b * h).data, c.data);
  const want = (value(1, 1) - value(1, -1) - value(-1, 1) + value(-1, -1)) / (4 * h * h);

  const hessianU = await productWithHessian(op, drawn, attrs, floats, u, c);
  const got = floats.reduce((total, name) => total + dot(hessianU[name], v[name].data), 0);
  let scale = 0;
  for (const name of floats) {
    let squares = 0;
    hessianU[name].forEach((g, i) => {
      squares += (g * v[name].data[i]) ** 2;
    });
    scale += Math.sqrt(squares);
  }
  const units = (definition.roundings ?? 4) * Math.sqrt((definition.reduction ?? (() => 1))(specs(drawn), attrs));
  // differences lose |⟨c, y⟩| · 2^-52 / h² to rounding
  const lost = (Math.abs(value(0, 0)) + Math.sqrt(c.data.length)) * (2 ** -50 / (h * h) + 1e-7);
  const tolerance = 16 * units * unitOf('f32') * (scale + 1e-3) + lost + 1e-6 * Math.abs(want);
  expect(Math.abs(got - want), `uᵀHv: ${got} on the GPU, ${want} by differences`).toBeLessThanOrEqual(tolerance);
}

async function productWithHessian(
  op: AnyOp,
  drawn: Record<string, DrawnInput>,
  attrs: object,
  floats: readonly string[],
  u: Record<string, Ref>,
  c: Ref,
): Promise<Record<string, Float64Array>> {
  const found = scope(() => {
    const inputs = Object.fromEntries(Object.entries(drawn).map(([name, input]) => [name, toTensor(device, input)]));
    const wrt = floats.map((name) => inputs[name]);
    const along = floats.map((name) => tensor(device, u[name].data, u[name].shape));
    const cotangent = tensor(device, c.data, c.shape);
    const { outputs, pull } = vjp(() => {
      const { pull: pullFirst } = vjp(() => [op(inputs, attrs)[op.definition.outputs[0]]], wrt);
      const products = pullFirst([cotangent]).flatMap((g, i) => (g ? [sum(mul(g, along[i]))] : []));
      return products.length > 0 ? [products.reduce(add)] : [];
    }, wrt);
    return outputs.length > 0 ? pull([full(cotangent, { shape: [], dtype: 'f32' }, 1)]) : [];
  });
  const result: Record<string, Float64Array> = {};
  for (const [i, name] of floats.entries()) {
    const g = found[i];
    result[name] = g ? Float64Array.from(await g.data()) : new Float64Array(drawn[name].ref.data.length);
    g?.dispose();
  }
  return result;
}

const specs = (drawn: Record<string, DrawnInput>) =>
  Object.fromEntries(Object.entries(drawn).map(([name, { ref, dtype }]) => [name, { shape: ref.shape, dtype }]));

const round = ({ shape, data }: Ref): Ref => ({ shape, data: Float64Array.from(data, Math.fround) });

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
