/** What every library is asked to compute, as data: each has the same numbers in, and must have the same out. */

/** A square convolution with zero padding. */
export interface ConvShape {
  readonly batch: number;
  readonly channels: number;
  readonly outChannels: number;
  /** side of the picture */
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

export type ConvPass = 'forward' | 'input gradient' | 'weight gradient';

export type Work =
  /** y = a · b */
  | { readonly kind: 'matmul'; readonly size: number }
  /** of x and w; of dy and w; of x and dy */
  | { readonly kind: 'conv'; readonly pass: ConvPass; readonly shape: ConvShape }
  /** y = (a − mean) / sqrt(var + 1e-5) over the planes of a */
  | { readonly kind: 'instanceNorm'; readonly planes: number; readonly size: number }
  /** y = a + b, y = tanh(a) */
  | { readonly kind: 'add' | 'tanh'; readonly length: number }
  /** the sum of each row of a */
  | { readonly kind: 'sum'; readonly rows: number; readonly length: number }
  /** L of each a = L·Lᵀ; x of each L·x = b */
  | { readonly kind: 'cholesky'; readonly batch: number; readonly size: number }
  | { readonly kind: 'solve'; readonly size: number; readonly columns: number }
  /** a ← tanh(a + b), over and over: two ops each */
  | { readonly kind: 'chain'; readonly ops: number; readonly length: number }
  /** three convolutions with norms and ReLU between, mean squared error to t, weights moved against its gradient */
  | { readonly kind: 'step'; readonly channels: number; readonly size: number };

export interface PeerCase {
  readonly family: string;
  readonly sample: string;
  readonly work: Work;
  /** 0 where arithmetic is not what takes the time */
  readonly flops: number;
  /** how far results may lie apart, as a share of the largest value */
  readonly tolerance: number;
}

/** Values of a tensor; pictures are [N, C, H, W], weights [O, I, kH, kW]. */
export interface Input {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

export type Inputs = Readonly<Record<string, Input>>;

/** Step size of `step`: the weights then move by as much as they are, and their move is all of the result. */
export const RATE = 1;
export const EPS = 1e-5;

const CONVOLUTIONS: readonly ConvShape[] = [
  conv(64, 64, 64, 3, 1),
  conv(128, 128, 32, 3, 1),
  conv(3, 64, 128, 3, 1),
  conv(256, 64, 64, 1, 1),
  conv(64, 128, 64, 3, 2),
];

function conv(channels: number, outChannels: number, size: number, kernel: number, stride: number): ConvShape {
  return { batch: 1, channels, outChannels, size, kernel, stride, padding: (kernel - 1) / 2 };
}

export const outSize = ({ size, kernel, stride, padding }: ConvShape): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

export const peerCases: readonly PeerCase[] = [
  ...[256, 512, 1024].map((size) =>
    make('matmul', `${size}³`, { kind: 'matmul', size }, 2 * size ** 3, roundings(size)),
  ),
  ...CONVOLUTIONS.flatMap((shape) =>
    (['forward', 'input gradient', 'weight gradient'] as const).map((pass) => {
      const { batch, channels, outChannels, kernel, size, stride } = shape;
      const taps = kernel * kernel;
      const pixels = batch * outSize(shape) ** 2;
      const terms = { forward: channels * taps, 'input gradient': outChannels * taps, 'weight gradient': pixels }[pass];
      const step = stride === 1 ? '' : `, stride ${stride}`;
      const sample = `${kernel}×${kernel}, ${channels}>${outChannels} at ${size}²${step}, ${pass}`;
      const flops = 2 * pixels * outChannels * channels * taps;
      return make('conv2d', sample, { kind: 'conv', pass, shape }, flops, roundings(terms));
    }),
  ),
  make('instanceNorm', '64 planes of 128²', { kind: 'instanceNorm', planes: 64, size: 128 }, 0, roundings(128 * 128)),
  make('pointwise', 'a + b, 4M', { kind: 'add', length: 1 << 22 }, 0, roundings(1)),
  // WGSL lets tanh be off by what its exponentials are
  make('pointwise', 'tanh, 4M', { kind: 'tanh', length: 1 << 22 }, 0, roundings(64)),
  make('sum', '64 rows of 65536', { kind: 'sum', rows: 64, length: 65536 }, 0, roundings(65536)),
  ...[
    [64, 32],
    [1, 512],
  ].map(([batch, size]) =>
    make(
      'cholesky',
      `${batch} of ${size}²`,
      { kind: 'cholesky', batch, size },
      (batch * size ** 3) / 3,
      roundings(size),
    ),
  ),
  make('triangular solve', '512², 512 columns', { kind: 'solve', size: 512, columns: 512 }, 512 ** 3, roundings(512)),
  make('chain', '200 ops on 1024', { kind: 'chain', ops: 200, length: 1024 }, 0, roundings(200 * 64)),
  // errors of the layers above, divided by standard deviations, pass through each layer below
  make(
    'step',
    'conv-norm-relu, 3 layers of 32 at 64²',
    { kind: 'step', channels: 32, size: 64 },
    stepFlops(32, 64),
    2e-4,
  ),
];

function make(family: string, sample: string, work: Work, flops: number, tolerance: number): PeerCase {
  return { family, sample, work, flops, tolerance };
}

/** Both sides' rounding of a sum of so many terms, each in its own order. */
function roundings(terms: number): number {
  return 16 * Math.sqrt(terms) * 2 ** -24;
}

/** Forward, and twice as much backward but for the picture's gradient. */
function stepFlops(channels: number, size: number): number {
  const outer = 2 * size * size * 9 * 3 * channels;
  const inner = 2 * size * size * 9 * channels * channels;
  return 2 * outer + 3 * inner + 3 * outer;
}

/** The numbers that go in. */
export function inputsOf(work: Work): Inputs {
  const shapes = shapesOf(work);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const data = draw(shape, i + 1, scaleOf(work, name));
      if (name === 'a' && work.kind === 'cholesky') makePositive(data, work.size);
      if (name === 'l') makeLower(data, shape[0]);
      return [name, { shape, data }];
    }),
  );
}

function shapesOf(work: Work): Record<string, readonly number[]> {
  switch (work.kind) {
    case 'matmul':
      return { a: [work.size, work.size], b: [work.size, work.size] };
    case 'conv': {
      const { batch, channels, outChannels, kernel, size } = work.shape;
      const out = outSize(work.shape);
      const all = {
        x: [batch, channels, size, size],
        w: [outChannels, channels, kernel, kernel],
        dy: [batch, outChannels, out, out],
      };
      if (work.pass === 'forward') return { x: all.x, w: all.w };
      return work.pass === 'input gradient' ? { dy: all.dy, w: all.w } : { x: all.x, dy: all.dy };
    }
    case 'instanceNorm':
      return { a: [1, work.planes, work.size, work.size] };
    case 'add':
      return { a: [work.length], b: [work.length] };
    case 'tanh':
      return { a: [work.length] };
    case 'sum':
      return { a: [work.rows, work.length] };
    case 'cholesky':
      return { a: [work.batch, work.size, work.size] };
    case 'solve':
      return { l: [work.size, work.size], b: [work.size, work.columns] };
    case 'chain':
      return { a: [work.length], b: [work.length] };
    case 'step': {
      const { channels, size } = work;
      return {
        x: [1, 3, size, size],
        t: [1, 3, size, size],
        w0: [channels, 3, 3, 3],
        w1: [channels, channels, 3, 3],
        w2: [3, channels, 3, 3],
      };
    }
  }
}

/** Each matrix becomes symmetric with a diagonal near its size, so its eigenvalues lie around it: positive definite. */
function makePositive(data: Float32Array, size: number): void {
  for (let start = 0; start < data.length; start += size * size) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < i; j++) data[start + j * size + i] = data[start + i * size + j];
      data[start + i * size + i] += size;
    }
  }
}

/** Zeros above the diagonal, which outweighs what is below it. */
function makeLower(data: Float32Array, size: number): void {
  for (let i = 0; i < size; i++) {
    data.fill(0, i * size + i + 1, (i + 1) * size);
    data[i * size + i] += 2 * Math.sqrt(size);
  }
}

/** Weights small enough that sums keep the size of what goes in. */
function scaleOf(work: Work, name: string): number {
  if (work.kind === 'step' && name.startsWith('w')) return 0.1;
  return 1;
}

/** Uniform in ±scale, the same in every run: xorshift32, Marsaglia 2003. */
function draw(shape: readonly number[], seed: number, scale: number): Float32Array<ArrayBuffer> {
  const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
  let state = (seed * 0x9e3779b9) >>> 0;
  for (let i = 0; i < data.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = scale * ((state >>> 8) / 2 ** 23 - 1);
  }
  return data;
}
