/** The command `miaobi`. */
import { explain } from './errors.ts';
import { makeLog } from './log.ts';
import { run } from './program.ts';

// A reader that has seen enough (`miaobi devices | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.on('uncaughtException', (error) => {
  const { text, exitCode } = explain(error, process.argv.includes('--debug'));
  makeLog().error(text);
  process.exit(exitCode);
});

process.exitCode = await run(process.argv.slice(2));
