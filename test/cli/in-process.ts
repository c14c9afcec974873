import { run } from '../../cli/program.ts';
import type { Ended } from './spawn.ts';

/** Runs `miaobi ARGS` in this process: what a shell would see of it, without the seconds that a new process takes. */
export async function command(...argv: string[]): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const streams = ['stdout', 'stderr'] as const;
  const writes = streams.map((name) => process[name].write);
  const codeBefore = process.exitCode;
  for (const name of streams) {
    process[name].write = ((text: string | Uint8Array) => {
      said[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    }) as typeof process.stdout.write;
  }
  process.exitCode = undefined;
  try {
    return { code: await run(argv), ...said };
  } finally {
    process.exitCode = codeBefore;
    streams.forEach((name, i) => {
      process[name].write = writes[i];
    });
  }
}
