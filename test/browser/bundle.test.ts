import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceFiles } from '../support/imports.ts';
import { type Bundle, bundle } from './bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PORTABLE = ['engine', 'kernels', 'models'];

describe('a bundle of the engine, kernels and models for browsers', () => {
  const sources = PORTABLE.flatMap((folder) => sourceFiles(root, folder)).filter(
    (file) => file !== 'engine/device/node.ts',
  );
  let whole: Bundle;
  beforeAll(async () => {
    whole = await bundle(sources);
  });

  it('has modules of the project and typegpu in it, and nothing of Node', () => {
    const foreign = whole.modules.filter((name) => !PORTABLE.includes(name.split('/')[0]));
    // what typegpu itself depends on; vite puts "browser-external" where a module of Node was imported
    const packages = new Set(foreign.map((name) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(name)?.[1] ?? name));
    packages.delete('\0rolldown/runtime.js');
    expect([...packages].sort()).toEqual(['tinyest', 'tsover-runtime', 'typed-binary', 'typegpu']);
    const scripts = [...whole.files].filter(([name]) => name.endsWith('.js'));
    const ofNode = /["'`]node:|\brequire\(|\bprocess\.(?!env)/;
    for (const [name, code] of scripts) expect(ofNode.exec(code)?.[0], name).toBeUndefined();
  });

  it('carries every shader, and no other asset', () => {
    const shaders = readdirSync(path.join(root, 'kernels'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.wgsl'))
      .map((name) => readFileSync(path.join(root, 'kernels', name), 'utf8'));
    expect(shaders.length).toBeGreaterThan(100);
    const assets = [...whole.files].filter(([name]) => !name.endsWith('.js'));
    expect(assets.filter(([name]) => !name.endsWith('.wgsl'))).toEqual([]);
    const carried = new Set(assets.map(([, text]) => text));
    expect(shaders.filter((text) => !carried.has(text))).toEqual([]);
  });
});
