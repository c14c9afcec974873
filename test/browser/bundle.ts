import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A bundle for browsers, in memory. */
export interface Bundle {
  /** path of the script that starts it */
  readonly entry: string;
  /** by path from the server's root: `assets/…` */
  readonly files: ReadonlyMap<string, string>;
  /** names of all modules in it, those below the project's folder relative to it */
  readonly modules: readonly string[];
}

/**
 * Bundles modules with vite, minified, every asset in a file of its own.
 *
 * @param sources  paths from the project's folder; all that they export is kept
 * @throws what vite throws, and for anything that it warns of
 */
export async function bundle(sources: readonly string[]): Promise<Bundle> {
  const all = 'virtual:all';
  const text = sources.map((source, i) => `export * as m${i} from ${JSON.stringify(`${root}${source}`)};`).join('\n');
  const output = (await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'silent',
    plugins: [{ name: all, resolveId: (id) => (id === all ? id : null), load: (id) => (id === all ? text : null) }],
    build: {
      write: false,
      target: 'esnext',
      assetsInlineLimit: 0,
      rolldownOptions: {
        input: all,
        preserveEntrySignatures: 'strict',
        onLog: (level, { message }) => {
          if (level === 'warn') throw new Error(`vite warns: ${message}`);
        },
      },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = output.output.filter((file) => file.type === 'chunk');
  const files = new Map<string, string>();
  for (const file of output.output) {
    if (file.type === 'chunk') files.set(file.fileName, file.code);
    else files.set(file.fileName, typeof file.source === 'string' ? file.source : Buffer.from(file.source).toString());
  }
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => id !== all);
  return {
    entry: chunks.find(({ isEntry }) => isEntry)?.fileName ?? '',
    files,
    modules: modules.map((id) => id.replace(root, '')),
  };
}
