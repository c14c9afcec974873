import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../bench/environment.ts';
import { inputsOf, outSize, type PeerCase, peerCases } from '../../bench/peers/cases.ts';
import { distance } from '../../bench/peers/compare.ts';
import { CHANNELS_LAST, CHANNELS_SECOND, type Library, transpose } from '../../bench/peers/library.ts';
import { onnxModel } from '../../bench/peers/onnx-model.ts';
import { loadOurs } from '../../bench/peers/ours.ts';
import type { PeerRow } from '../../bench/peers/peer-row.ts';
import { lostTo, peerTable } from '../../bench/peers/peer-table.ts';
import { runCase } from '../../bench/peers/run-case.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import type { Device } from '../../engine/index.ts';

let device: Device;
beforeAll(async () => {
  device = await acquireDevice();
});
afterAll(() => device.destroy());

const small: PeerCase = {
  ...{ family: 'matmul', sample: '8³', flops: 2 * 8 ** 3, tolerance: 1e-5 },
  work: { kind: 'matmul', size: 8 },
};

/** A library whose result is `values`, whatever it is asked. */
const fake = (name: string, result: () => Promise<Float32Array>): Library => ({
  ...{ name, version: '1' },
  prepare: async () => ({ run: async () => {}, result, dispose: () => {} }),
});

describe('running a case', () => {
  it('times what is right, and reports what is wrong, fails or is missing', async () => {
    const { a, b } = inputsOf(small.work);
    const product = new Float32Array(64).map((_, i) => {
      let sum = 0;
      for (let k = 0; k < 8; k++) sum += a.data[8 * Math.floor(i / 8) + k] * b.data[8 * k + (i % 8)];
      return sum;
    });
    const libraries: Library[] = [
      await loadOurs(device, '1'),
      fake('right', async () => product),
      fake('wrong', async () => product.map((value, i) => (i === 7 ? value + 0.01 : value))),
      fake('failing', () => Promise.reject(new Error('no kernel\nand more'))),
      // libraries go on after an error of WebGPU, with what was in the buffer before
      fake('invalid', async () => {
        device.gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
        return product;
      }),
      { name: 'poor', version: '1', prepare: async () => 'it has no product' },
    ];
    const environment = { driver: 'x' } as Environment;
    const rows = await runCase(device, libraries, small, { seconds: 0.001, environment });
    const found = Object.fromEntries(rows.map((row) => [row.pass, row]));
    expect(Object.keys(found).sort()).toEqual(['failing', 'invalid', 'miaobi', 'poor', 'right', 'wrong']);
    expect(found.miaobi).toMatchObject({ op: 'matmul', sample: '8³', driver: 'x', error: 0 });
    for (const name of ['miaobi', 'right']) {
      expect(found[name]).toMatchObject({ suite: 'peers', clock: 'wall' });
      expect(found[name]).toHaveProperty('us', expect.any(Number));
    }
    expect(found.wrong).toMatchObject({ status: 'wrong', reason: expect.stringMatching(/^off by \d/) });
    expect(found.failing).toMatchObject({ status: 'failed', reason: 'no kernel' });
    expect(found.invalid).toMatchObject({ status: 'failed', reason: expect.stringContaining('usages') });
    expect(found.poor).toMatchObject({ status: 'left out', reason: 'it has no product' });
    for (const name of ['wrong', 'failing', 'poor']) expect(found[name]).not.toHaveProperty('us');
  });
});

describe('the cases', () => {
  it('give every library the same numbers, of the shapes that their work has', () => {
    for (const { work } of peerCases) {
      for (const { shape, data } of Object.values(inputsOf(work))) {
        expect(data.length).toBe(shape.reduce((a, b) => a * b));
      }
    }
    const { x, w } = inputsOf(peerCases[3].work);
    expect([...x.data.subarray(0, 9)]).toEqual([...inputsOf(peerCases[3].work).x.data.subarray(0, 9)]);
    expect(x.data[5]).not.toBe(w.data[5]);
    expect(Math.max(...w.data)).toBeGreaterThan(0.99);
    expect(outSize({ batch: 1, channels: 1, outChannels: 1, size: 64, kernel: 3, stride: 2, padding: 1 })).toBe(32);
  });
});

describe('comparing results', () => {
  it('measures by the largest value, and takes nothing that is not a number', () => {
    expect(distance([1, 2, -8], [1, 2, -10])).toBeCloseTo(0.2);
    expect(distance([1, Number.NaN], [1, 1])).toBe(Number.POSITIVE_INFINITY);
    expect(distance([1], [1, 1])).toBe(Number.POSITIVE_INFINITY);
  });

  it('moves channels to the end and back', () => {
    const data = Float32Array.from({ length: 120 }, (_, i) => i);
    const last = transpose(data, [2, 3, 4, 5], CHANNELS_LAST);
    expect(last.shape).toEqual([2, 4, 5, 3]);
    expect([...last.data.subarray(0, 4)]).toEqual([0, 20, 40, 1]);
    expect(transpose(last.data, last.shape, CHANNELS_SECOND).data).toEqual(data);
  });
});

it('writes ONNX as protobuf: lengths, fields and numbers beyond seven bits', () => {
  const model = onnxModel({
    inputs: [{ name: 'a', shape: [300] }],
    output: { name: 'y', shape: [300] },
    constants: [],
    nodes: [{ op: 'Tanh', inputs: ['a'], output: 'y' }],
  });
  const hex = Buffer.from(model).toString('hex');
  // ir_version 9; a graph; the node: inputs, outputs, operator
  expect(hex).toMatch(/^08093a/);
  expect(hex).toContain('0a0c0a0161120179220454616e68');
  // a value: its name, floats, one extent of 300 = 0b10_0101100
  expect(hex).toContain('0a0161120b0a09080112050a0308ac02');
  // the operator set
  expect(hex).toMatch(/42040a001011$/);
});

describe('the table', () => {
  const row = (pass: string, more: object) => ({ op: 'sum', sample: '4M', pass, dtype: 'f32', ...more }) as PeerRow;
  const rows = [
    row('ours', { us: 2000, cpuUs: 4000 }),
    row('x', { us: 1000, cpuUs: 6000 }),
    row('y', { status: 'wrong' }),
  ];

  it('shows our time and how many times as long others take, by either clock', () => {
    expect(peerTable(rows, 'wall')).toMatch(/sum · 4M .* 2\.00 .* 0\.50 x .* wrong/);
    expect(peerTable(rows, 'cpu')).toMatch(/sum · 4M .* 4\.00 .* 1\.50 x .* wrong/);
  });

  it('names what is lost', () => {
    expect(lostTo(rows, 'wall')).toEqual(['sum · 4M: x is 2.00 times as fast']);
    expect(lostTo(rows, 'cpu')).toEqual([]);
  });
});
