#!/usr/bin/env node
// The command `miaobi`: selects the driver the set-up chose, then runs cli/main.ts, in this process where it can.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { homeEnv, needsNewProcess, resolveDriver, withAdditions } from '../scripts/driver-env.mjs';
import { commandOf, runNode } from '../scripts/setup/launch.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));
const args = process.argv.slice(2);
// Texts need no driver, and must come where there is none.
const texts = args.length === 0 || args.some((arg) => ['-h', '--help', '--version'].includes(arg));
const driver = texts || process.platform !== 'linux' ? { env: {} } : resolveDriver(root);
const additions = { ...homeEnv(root), ...driver.env };

if (needsNewProcess(additions)) {
  // The path of libraries is read once, when a process starts.
  const { argv } = commandOf(root, 'miaobi', args);
  process.exitCode = await runNode(argv, { cwd: process.cwd(), env: withAdditions(process.env, additions) });
} else {
  for (const [name, value] of Object.entries(additions ?? {})) {
    if (value == null) delete process.env[name];
    else process.env[name] = value;
  }
  const entry = path.join(root, 'cli', 'main.ts');
  const { register } = await import('tsx/esm/api');
  register();
  process.argv[1] = entry;
  await import(pathToFileURL(entry).href);
}
