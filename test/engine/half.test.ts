import { expect, it } from 'vitest';
import { floatToHalfBits, fromHalf, halfBitsToFloat, toHalf } from '../../engine/half.ts';
import { scope, tensor } from '../../engine/index.ts';
import { cast } from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { generator } from '../support/samples.ts';

const finite = Array.from({ length: 0x7c00 }, (_, bits) => bits);

it('reads every half as its definition, (-1)^s · 2^(e-15) · (1 + m/1024), subnormal below', () => {
  const wrong = finite.filter((bits) => {
    const [exponent, mantissa] = [bits >> 10, bits & 1023];
    const value = exponent === 0 ? (mantissa / 1024) * 2 ** -14 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
    return !(Object.is(halfBitsToFloat(bits), value) && Object.is(halfBitsToFloat(bits | 0x8000), -value));
  });
  expect(wrong).toEqual([]);
  expect(halfBitsToFloat(0x7c00)).toBe(Number.POSITIVE_INFINITY);
  expect(halfBitsToFloat(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
  expect(halfBitsToFloat(0x7e00)).toBeNaN();
});

it('writes every half back to the same bits', () => {
  const all = [...finite, ...finite.map((bits) => bits | 0x8000)];
  expect(all.filter((bits) => floatToHalfBits(halfBitsToFloat(bits)) !== bits)).toEqual([]);
});

it('rounds to the nearest half, and to the even one at a tie', () => {
  for (let bits = 0; bits < 0x7bff; bits += 7) {
    const [low, high] = [halfBitsToFloat(bits), halfBitsToFloat(bits + 1)];
    const middle = (low + high) / 2;
    const nudge = (high - low) / 64;
    expect(floatToHalfBits(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(floatToHalfBits(middle - nudge)).toBe(bits);
    expect(floatToHalfBits(-(middle + nudge))).toBe((bits + 1) | 0x8000);
  }
});

it('keeps infinities and NaN, and overflows to infinity from halfway past 65504', () => {
  expect(floatToHalfBits(65504)).toBe(0x7bff);
  expect(floatToHalfBits(65519.99)).toBe(0x7bff);
  expect(floatToHalfBits(65520)).toBe(0x7c00);
  expect(floatToHalfBits(1e30)).toBe(0x7c00);
  expect(floatToHalfBits(Number.NEGATIVE_INFINITY)).toBe(0xfc00);
  expect(halfBitsToFloat(floatToHalfBits(Number.NaN))).toBeNaN();
  expect(floatToHalfBits(-0)).toBe(0x8000);
  expect(floatToHalfBits(2 ** -26)).toBe(0);
});

it('agrees with the conversion on the GPU', async () => {
  const device = await testDevice();
  if (!device.capabilities.f16) return;
  const random = generator(5);
  // from subnormal to large, both signs; overflow and subnormal results are the driver's choice in WGSL
  const values = Float32Array.from({ length: 4000 }, () => (random() - 0.5) * 2 ** (random() * 28 - 12));
  const [back, original] = scope(() => {
    const x = tensor(device, values, [4000]);
    return [cast(cast(x, 'f16'), 'f32'), cast(tensor(device, values, [4000], 'f16'), 'f32')];
  });
  const gpu = await back.data();
  expect([...gpu]).toEqual([...fromHalf(toHalf(values))]);
  expect([...(await original.data())]).toEqual([...gpu]);
  for (const t of [back, original]) t.dispose();
});
