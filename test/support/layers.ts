import { type Import, targetOf } from './imports.ts';

/** Beside the layers: these may import any of them. */
export const BESIDE = ['bench', 'scripts'] as const;

/** From the bottom up: a layer may import itself and what stands before it. */
export const LAYERS = ['engine', 'kernels', 'models', 'train', 'cli'] as const;

/** These run in a browser as they are. */
const PORTABLE: readonly string[] = ['engine', 'kernels', 'models'];
/** The one place of the portable layers that knows Node. */
const NODE_DEVICE = 'engine/device/node.ts';

export type Imports = ReadonlyMap<string, readonly Import[]>;

/** Each way in which the imports break the rules of the house, as `file:line: what is wrong`. */
export function violations(imports: Imports): string[] {
  const found: string[] = [];
  for (const [file, list] of imports) {
    for (const one of list) {
      const wrong = wrongWith(file, one);
      if (wrong) found.push(`${file}:${one.line}: ${wrong}`);
    }
  }
  return [...found, ...cycles(imports)];
}

function wrongWith(file: string, { specifier, typeOnly }: Import): string | undefined {
  const layer = file.split('/')[0];
  const target = targetOf(file, specifier);
  if (!PORTABLE.includes(layer) && target === undefined) return undefined;
  if (target === undefined) return portablePackage(file, specifier);
  if (!/\.(ts|json)$/.test(target)) return `${specifier} names no .ts or .json file`;
  const from = LAYERS.indexOf(layer as never);
  const to = LAYERS.indexOf(target.split('/')[0] as never);
  if (from < 0)
    return /^(bench|test)\//.test(target) && !['test', target.split('/')[0]].includes(layer)
      ? `${layer} imports ${target}: only tests import bench, and nothing imports test`
      : undefined;
  if (to < 0) return `${layer} imports ${target}, which belongs to no layer`;
  if (to > from) return `${layer} imports ${target}, which stands above it`;
  if (PORTABLE.includes(layer) && target === NODE_DEVICE && !typeOnly) return `${layer} imports Node's device`;
  return undefined;
}

function portablePackage(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    if (file === NODE_DEVICE) return undefined;
    return `${specifier} does not exist in a browser`;
  }
  if (specifier === 'typegpu' || specifier.startsWith('typegpu/')) return undefined;
  if (specifier === 'webgpu' && file === NODE_DEVICE) return undefined;
  return `${specifier} is a dependency beyond webgpu and typegpu`;
}

/** Cycles of imports that remain when types are stripped; layers above and below cannot meet in one. */
function cycles(imports: Imports): string[] {
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
      return;
    }
    state.set(file, 'open');
    path.push(file);
    for (const { specifier, typeOnly, dynamic } of imports.get(file) ?? []) {
      const target = targetOf(file, specifier);
      if (target && !typeOnly && !dynamic && imports.has(target)) visit(target);
    }
    path.pop();
    state.set(file, 'done');
  };
  for (const file of imports.keys()) visit(file);
  return found;
}

/** Files that do nothing but pass on other files' exports, and are not the one index of their layer. */
export function barrels(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([file, text]) => {
    if (LAYERS.some((layer) => file === `${layer}/index.ts`)) return [];
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '');
    const rest = code.replace(/export\s+(type\s+)?(\*|\{[^}]*\})\s*(as\s+\w+\s*)?from\s*'[^']+';/g, '').trim();
    return code.trim() !== '' && rest === '' ? [file] : [];
  });
}
