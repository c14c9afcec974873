/** The recipe of a pipeline: a YAML file that says which stages there are, of what they are made, and where it all goes. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { RequestError } from '../errors.ts';
import { STAGES, type StageName } from './stages.ts';

const text = z.preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string().min(1));
const path = text.optional();
const whole = (least: number, most: number) => z.number().int().min(least).max(most);
const share = z.number().min(0).max(1);
const quality = whole(1, 100).default(95);
const format = z.enum(['png', 'jpg', 'webp', 'tif']);
/** A stage is left out by `false` or nothing, and has its defaults by `true`. */
const stage = <T extends z.ZodType>(options: T) =>
  z.preprocess((value) => (value === true ? {} : value === false ? undefined : value), options.optional());

const GENERATE = z.strictObject({
  weights: text,
  encoder: path,
  epoch: path,
  labelNc: whole(1, 255).optional(),
  dontCare: whole(0, 255).optional(),
  cropSize: whole(32, 16384).optional(),
  aspectRatio: z
    .number()
    .min(1 / 16)
    .max(16)
    .optional(),
  numUpsamplingLayers: z.enum(['normal', 'more', 'most']).optional(),
  flavour: z.enum(['pytorch', 'jittor']).optional(),
  /** of the pictures: that of the label map, that which the network paints, or one given */
  size: z
    .string()
    .regex(/^(keep|network|\d{1,5}x\d{1,5})$/, 'keep, network, or a size such as 512x384')
    .default('keep'),
  zSeed: whole(0, 2 ** 32 - 1).optional(),
  batchStats: z.boolean().default(false),
});

const STYLIZE = z.strictObject({
  /** `none`: untrained */
  weights: text.default('none'),
  mode: z.enum(['photo', 'art']).optional(),
  alpha: share.default(1),
  maxSize: whole(2, 65536).default(1280),
  /** label maps of the reference photos: with them, classes lend their colours to the same classes */
  referenceLabels: path,
  compat: z.boolean().default(false),
  format: format.default('jpg'),
  quality,
});

const MERGE = z.strictObject({ alpha: share.default(0.5), format: format.default('jpg'), quality });

const EVAL = z.strictObject({
  inception: path,
  vgg: path,
  maxSize: whole(16, 8192).default(512),
  sheet: whole(0, 1000).default(8),
});

const ZIP = z.strictObject({
  file: z
    .string()
    .regex(/^[^/\\]+\.zip$/, 'a file name that ends in .zip')
    .default('result.zip'),
  format: format.default('jpg'),
  quality,
});

const RECIPE = z.strictObject({
  labels: text,
  palette: path,
  instances: path,
  references: path,
  labelToImg: path,
  truth: path,
  output: text,
  generate: stage(GENERATE),
  stylize: stage(STYLIZE),
  merge: stage(MERGE),
  eval: stage(EVAL),
  zip: stage(ZIP),
});

export type Recipe = z.infer<typeof RECIPE>;

/** Recipes that come with the program, by name. */
const SHIPPED = ['contest'];

/** The file that a name of a shipped recipe, or a path, means. */
export function recipeFile(name: string): string {
  return SHIPPED.includes(name) ? fileURLToPath(new URL(`./${name}.yaml`, import.meta.url)) : name;
}

/** @throws RequestError when there is no such file */
export async function readRecipeText(name: string): Promise<string> {
  return readFile(recipeFile(name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new RequestError(
      `${name}: expected a recipe in YAML, or the name of one that comes along (${SHIPPED.join(', ')}), but ${reason}. ` +
        `To begin with one: miaobi pipeline ${SHIPPED[0]} --print > my.yaml`,
    );
  });
}

/**
 * Reads a recipe. Keys may be written kebab-case, snake_case or camelCase; a value that is empty counts as left out.
 *
 * @param name         a file, or a shipped recipe's name
 * @param assignments  `stylize.alpha=0.5`, which win over the file
 * @throws RequestError that names the key
 */
export async function readRecipe(name: string, assignments: readonly string[] = []): Promise<Recipe> {
  const document = camelKeys(parsed(name, await readRecipeText(name)));
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new RequestError(`${name}: expected lines such as "labels: DIR", but it holds something else.`);
  }
  for (const assignment of assignments) assign(document as Tree, assignment);
  const result = RECIPE.safeParse(withoutEmpty(document), { reportInput: true });
  if (!result.success) throw new RequestError(result.error.issues.map((issue) => explain(name, issue)).join('\n'));
  checkStages(name, result.data);
  return result.data;
}

type Tree = Record<string, unknown>;

function parsed(name: string, source: string): unknown {
  try {
    return parse(source);
  } catch (error) {
    throw new RequestError(`${name}: expected YAML, but it cannot be read: ${(error as Error).message.trim()}`);
  }
}

const camel = (key: string) => key.replace(/[-_]([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function camelKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [camel(key), camelKeys(one)]));
}

function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(entries.map(([key, one]) => [key, withoutEmpty(one)]));
}

/** `stylize.alpha=0.5` into the document. @throws RequestError */
function assign(document: Tree, assignment: string): void {
  const at = assignment.indexOf('=');
  const keys = assignment.slice(0, at).split('.').map(camel);
  if (at < 1 || keys.some((key) => key === '')) {
    throw new RequestError(`--set ${assignment}: expected key=value, such as --set stylize.alpha=0.5.`);
  }
  const value = camelKeys(parsed(`--set ${assignment}`, assignment.slice(at + 1)));
  const last = keys.pop() as string;
  let node = document;
  for (const key of keys) {
    const next = Object.hasOwn(node, key) ? node[key] : undefined;
    const inner = typeof next === 'object' && next !== null && !Array.isArray(next) ? (next as Tree) : {};
    Object.defineProperty(node, key, { value: inner, enumerable: true, configurable: true, writable: true });
    node = inner;
  }
  Object.defineProperty(node, last, { value, enumerable: true, configurable: true, writable: true });
}

function explain(name: string, issue: z.core.$ZodIssue): string {
  const at = issue.path.map((key) => kebab(String(key))).join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `${at === '' ? '' : `${at}.`}${kebab(key)}`);
    return `${name}: ${keys.join(', ')}: no key of a recipe. ${at === '' ? 'It has' : `${at} has`} ${keysOf(issue.path).join(', ')}.`;
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  if (missing) return `${name}: ${at}: expected a value, but there is none. Write it, or give --set ${at}=VALUE.`;
  return `${name}: ${at}: expected ${wanted(issue)}, but it is ${JSON.stringify(issue.input)}. Change it.`;
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected;
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'string' ? ' letter' : ''}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    default:
      return issue.message;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'true, false or options',
};

const SHAPES: Readonly<Record<StageName, { readonly shape: object }>> = {
  generate: GENERATE,
  stylize: STYLIZE,
  merge: MERGE,
  eval: EVAL,
  zip: ZIP,
};

function keysOf(at: readonly PropertyKey[]): string[] {
  const [first] = at;
  return Object.keys((first === undefined ? RECIPE : SHAPES[first as StageName]).shape).map(kebab);
}

/** @throws RequestError when a stage needs what another makes, or what the recipe does not name */
function checkStages(name: string, recipe: Recipe): void {
  const { stylize, merge, references, labelToImg } = recipe;
  if (STAGES.every((one) => recipe[one] === undefined)) {
    throw new RequestError(`${name}: expected at least one stage (${STAGES.join(', ')}), but there is none.`);
  }
  if (stylize && references === undefined) {
    throw new RequestError(
      `${name}: references: expected the photos whose style stylize takes: a folder, or one file for all. ` +
        'Write it, or leave stylize out.',
    );
  }
  if (merge && !stylize) throw new RequestError(`${name}: merge: expected stylize before it, but it is left out.`);
  if (labelToImg !== undefined && references === undefined) {
    throw new RequestError(`${name}: references: expected the folder of the photos that label-to-img names.`);
  }
}
