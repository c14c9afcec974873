import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Import, importsOf, readImports, sourceFiles } from './support/imports.ts';
import { BESIDE, barrels, LAYERS, violations } from './support/layers.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the package', () => {
  it('exports files that are there', () => {
    const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    for (const path of Object.values(exports as Record<string, string>)) {
      expect(existsSync(new URL(`../${path}`, import.meta.url)), path).toBe(true);
    }
  });
});

describe('the house', () => {
  it('imports downwards only, without cycles, and keeps Node and packages where they belong', () => {
    const imports = readImports(root, [...LAYERS, ...BESIDE]);
    expect(imports.size).toBeGreaterThan(40);
    expect(violations(imports)).toEqual([]);
  });

  it('has no barrel but the index of a layer', () => {
    const files = LAYERS.flatMap((layer) => sourceFiles(root, layer));
    const texts = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
    expect(barrels(texts)).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('sees every form of import and no quoted one', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      "import {\n  type C,\n  d,\n} from './c.ts';",
      "import './e.ts';",
      "export * from './f.ts';",
      "export { g } from './g.ts';",
      "const h = await import('./h.ts');",
      "let i: typeof import('./i.ts');",
      "// import './j.ts';",
      "/* import './k.ts';\n   import './l.ts'; */",
      "const text = 'no import';",
    ].join('\n');
    const seen = importsOf(text).map(({ specifier, typeOnly, dynamic, line }) => [specifier, typeOnly, dynamic, line]);
    expect(seen).toEqual([
      ['./a.ts', false, false, 1],
      ['./b.ts', true, false, 2],
      ['./c.ts', false, false, 3],
      ['./e.ts', false, false, 7],
      ['./f.ts', false, false, 8],
      ['./g.ts', false, false, 9],
      ['./h.ts', false, true, 10],
      ['./i.ts', true, true, 11],
    ]);
  });
});

describe('the rules', () => {
  const value = (specifier: string, more: Partial<Import> = {}): Import => ({
    specifier,
    typeOnly: false,
    dynamic: false,
    line: 1,
    ...more,
  });
  const check = (files: Record<string, Import[]>) => violations(new Map(Object.entries(files)));

  it('refuse an import of a layer above', () => {
    const found = check({ 'engine/a.ts': [value('../kernels/b.ts')], 'kernels/b.ts': [] });
    expect(found).toEqual(['engine/a.ts:1: engine imports kernels/b.ts, which stands above it']);
    const types = check({ 'kernels/a.ts': [value('../train/b.ts', { typeOnly: true })], 'train/b.ts': [] });
    expect(types).toHaveLength(1);
  });

  it('refuse an import of bench, test or scripts', () => {
    const above = [value('../bench/main.ts'), value('../test/support/b.ts'), value('../scripts/c.ts')];
    expect(check({ 'cli/a.ts': above })).toHaveLength(3);
    expect(check({ 'bench/a.ts': [value('../cli/b.ts'), value('../test/c.ts')] })).toHaveLength(1);
    expect(check({ 'scripts/a.ts': [value('../kernels/b.ts'), value('../bench/c.ts')] })).toHaveLength(1);
  });

  it('refuse a cycle of values and allow one of types', () => {
    const files = { 'train/a.ts': [value('./b.ts')], 'train/b.ts': [value('./c.ts')], 'train/c.ts': [value('./a.ts')] };
    expect(check(files)).toEqual(['import cycle: train/a.ts → train/b.ts → train/c.ts → train/a.ts']);
    expect(check({ ...files, 'train/c.ts': [value('./a.ts', { typeOnly: true })] })).toEqual([]);
  });

  it('refuse Node and packages in what runs in a browser', () => {
    const found = check({
      'engine/a.ts': [value('node:fs')],
      'kernels/b.ts': [value('sharp'), value('typegpu/data')],
      'models/c.ts': [value('webgpu'), value('../engine/device/node.ts')],
      'engine/device/node.ts': [value('node:os'), value('webgpu')],
      'engine/shader-text.ts': [value('node:fs/promises', { dynamic: true })],
      'train/d.ts': [value('sharp'), value('node:fs')],
    });
    expect(found.map((line) => line.split(':')[0])).toEqual([
      'engine/a.ts',
      'kernels/b.ts',
      'models/c.ts',
      'models/c.ts',
      'engine/shader-text.ts',
    ]);
  });

  it('know a barrel from a module', () => {
    const texts = new Map([
      ['engine/index.ts', "export * from './a.ts';"],
      ['kernels/conv/index.ts', "/** all */\nexport * from './a.ts';\nexport { b } from './b.ts';"],
      ['kernels/conv/conv.ts', "export * from './a.ts';\nexport const c = 1;"],
    ]);
    expect(barrels(texts)).toEqual(['kernels/conv/index.ts']);
  });
});
