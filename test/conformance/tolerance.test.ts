import { describe, expect, it } from 'vitest';
import type { Tolerance } from './manifest.ts';
import { compare } from './tolerance.ts';
import { value } from './values.ts';

const vector = (...values: number[]) => value([values.length], Float64Array.from(values));

/** A tolerance with a value that just passes and one that just does not. */
const FORMS: { form: string; tolerance: Tolerance; reference: number[]; good: number[]; bad: number[] }[] = [
  { form: 'rtol, atol', tolerance: { rtol: 0.1, atol: 0.5 }, reference: [10, 0], good: [11.4, 0.4], bad: [11.6, 0] },
  { form: 'exact', tolerance: { rtol: 0, atol: 0 }, reference: [1, 0], good: [1, 0], bad: [1, 1e-300] },
  {
    form: 'fraction',
    tolerance: { rtol: 0, atol: 0, fraction: 0.75 },
    reference: [1, 2, 3, 4],
    good: [1, 2, 3, 99],
    bad: [1, 2, 98, 99],
  },
  {
    form: 'cap',
    tolerance: { rtol: 0, atol: 0, fraction: 0.5, cap: 1 },
    reference: [1, 2],
    good: [1, 3],
    bad: [1, 3.01],
  },
  {
    form: 'meanAbs',
    tolerance: { rtol: 0, atol: 5, meanAbs: 1 },
    reference: [0, 0],
    good: [1.9, 0],
    bad: [2, 0],
  },
  { form: 'maxabsRel', tolerance: { maxabsRel: 0.1, atol: 1 }, reference: [10, 1], good: [10, 2.9], bad: [10, 3.1] },
  { form: 'relL2', tolerance: { relL2: 0.1 }, reference: [3, 4], good: [3.3, 4.39], bad: [3.3, 4.41] },
  { form: 'relL2 of zero', tolerance: { relL2: 0.1 }, reference: [0, 0], good: [0, 0], bad: [0, 1e-30] },
  { form: 'l2Max', tolerance: { l2Max: 5 }, reference: [1, 1], good: [3, 4], bad: [3, 4.01] },
];

describe.each(FORMS)('$form', ({ tolerance, reference, good, bad }) => {
  it('passes what is within', () => {
    const verdict = compare(vector(...good), vector(...reference), tolerance);
    expect(verdict).toMatchObject({ pass: true });
    expect(verdict.ratio).toBeLessThanOrEqual(1);
  });

  it('fails what is beyond, and says so', () => {
    const verdict = compare(vector(...bad), vector(...reference), tolerance);
    expect(verdict.pass).toBe(false);
    expect(verdict.ratio).toBeGreaterThanOrEqual(1);
    expect(verdict.reason).toBeTruthy();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('never passes %s', (poison) => {
    const got = vector(poison, ...good.slice(1));
    expect(compare(got, vector(...reference), tolerance).pass).toBe(false);
    expect(compare(got, got, tolerance).pass).toBe(false);
  });

  it('wants equal shapes', () => {
    const got = value([1, good.length], Float64Array.from(good));
    expect(compare(got, vector(...reference), tolerance)).toMatchObject({ pass: false, reason: /shape/ });
  });
});

describe('relativeTo update', () => {
  const tolerance: Tolerance = { relL2: 0.1, relativeTo: 'update' };

  it('measures against the update, not the parameter', () => {
    expect(compare(vector(101.05), vector(101), tolerance, vector(100)).pass).toBe(true);
    expect(compare(vector(101.2), vector(101), tolerance, vector(100)).pass).toBe(false);
  });

  it('fails without the initial parameter', () => {
    expect(compare(vector(101), vector(101), tolerance).pass).toBe(false);
  });
});

it('compares a single number with a tensor of one element', () => {
  expect(compare(vector(2), value([], Float64Array.of(2)), { rtol: 0, atol: 0 }).pass).toBe(true);
});

it('fails a tolerance of no known form', () => {
  expect(compare(vector(1), vector(1), {}).pass).toBe(false);
});
