/** The golden manifest: one JSON file beside its safetensors files. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Nested } from './values.ts';

/** A tensor made by formula instead of read. */
export interface Generate {
  formula: 'w1' | 'det_v1' | 'cos' | 'sum';
  shape?: number[];
  /** cos: take the shape of this output, known only after the forward pass */
  like?: string;
  key?: string;
  name?: string;
  seed?: number;
  bound?: number;
  a?: number;
  b?: number;
  then?: 'tril';
  terms?: ({ scale: number; input: string } | ({ scale: number } & Omit<Generate, 'shape'>))[];
}

export type InputSpec = string | { generate: Generate } | { file: string };

/** How the parameters of one network are made by formula. */
export interface NetFormula {
  seed: number;
  gain: number;
  biasGain?: number;
  keyPrefix?: string;
  b?: number;
  a?: number;
}

export type Override = { keys: string; value: number } | { prefix: string; strip?: boolean };

export type ParamsSpec =
  | null
  | { prefix: string; strip: true }
  | ({ generate: 'w1' | 'det_v1'; nets?: Record<string, NetFormula>; overrides?: Override[] } & Partial<NetFormula>);

/** One tolerance, in one of the forms of tolerance.ts. */
export interface Tolerance {
  rtol?: number;
  atol?: number;
  fraction?: number;
  cap?: number;
  meanAbs?: number;
  maxabsRel?: number;
  relL2?: number;
  relativeTo?: 'update';
  l2Max?: number;
}

export interface Expectation extends Tolerance {
  of: string;
  view?: string;
}

export interface Case {
  name: string;
  kind: string;
  file: string | null;
  config: Record<string, unknown>;
  inputs: Record<string, InputSpec>;
  params: ParamsSpec;
  expect: Record<string, Expectation>;
  scalars: Record<string, Expectation & { value: Nested }>;
}

/** Cases of one manifest with the folder that its file names are relative to. */
export interface GoldenSet {
  folder: string;
  cases: Case[];
}

/** Every `manifest.json` under `folder`, itself included, in path order. */
export function findManifests(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder).sort()) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) found.push(...findManifests(path));
    else if (entry === 'manifest.json') found.push(path);
  }
  return found;
}

/** @throws Error when the file is not a golden manifest of the known format */
export function readManifest(path: string): GoldenSet {
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as { format?: string; cases?: Case[] };
  if (manifest.format !== 'golden/1' || !Array.isArray(manifest.cases)) {
    throw new Error(
      `${path}: expected a golden manifest ("format": "golden/1", "cases": [...]), but the format is ` +
        `${JSON.stringify(manifest.format)}. Point the runner at a folder of golden data.`,
    );
  }
  for (const golden of manifest.cases) checkCase(path, golden);
  return { folder: dirname(path), cases: manifest.cases };
}

function checkCase(path: string, golden: Case): void {
  for (const key of ['name', 'kind', 'file', 'config', 'inputs', 'params', 'expect', 'scalars'] as const) {
    if (!(key in golden)) {
      throw new Error(`${path}: every case needs "${key}", but ${golden.name ?? 'one'} has none. Add it to the case.`);
    }
  }
}
