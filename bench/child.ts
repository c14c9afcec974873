import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Of the project. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface ChildOptions {
  /** after these it is ended; left out: never */
  readonly seconds?: number | undefined;
  readonly onLine: (line: string) => void;
  readonly input?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface ChildEnd {
  readonly code: number | null;
  /** it was ended for lack of time */
  readonly cut: boolean;
  /** what it last said of errors */
  readonly stderr: string;
}

const KEPT = 2000;

/** Runs a program in the project's folder and hands its lines on as they come. @throws Error where it cannot start */
export function linesOfChild(program: string, args: readonly string[], options: ChildOptions): Promise<ChildEnd> {
  const { seconds, onLine, input = '', env } = options;
  const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let cut = false;
  let stderr = '';
  const end = () => {
    cut = true;
    child.kill('SIGKILL');
  };
  const timer = seconds === undefined ? undefined : setTimeout(end, seconds * 1e3);
  child.stdin.on('error', () => {}); // it ended without reading
  child.stdin.end(input);
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr = (stderr + part).slice(-KEPT);
  });
  const lines = createInterface({ input: child.stdout }).on('line', onLine);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      lines.close();
      resolve({ code, cut, stderr });
    });
  });
}

/** Arguments of Node for a TypeScript file of the project. */
export const typescript = (entry: string): string[] => ['--import', import.meta.resolve('tsx'), entry];
