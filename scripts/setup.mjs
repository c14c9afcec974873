// Makes a bare machine ready, then runs what was asked for:
//   node scripts/setup.mjs                     packages and driver
//   node scripts/setup.mjs --run NAME [args]   the same, then demo, test, conformance, miaobi, bench, peers or gpu-report
// Plain JavaScript without dependencies, because it runs before anything is installed. One line on stderr for each
// step it takes; steps already taken are silent.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, homeEnv, resolveDriver, withAdditions } from './driver-env.mjs';
import { installByApt, rights, thisSystem } from './setup/apt.mjs';
import { commandOf, parseArguments, runNode } from './setup/launch.mjs';
import { alone } from './setup/lock.mjs';
import { planCommands, planDriver } from './setup/os-plan.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { say } from './setup/say.mjs';
import { fetchSwiftshader, swiftshaderObstacle } from './setup/swiftshader.mjs';

const ROOT = path.resolve(fileURLToPath(new URL('..', import.meta.url)));
const FASTER = 'as an administrator, `npm run setup` installs one about 10 times faster';

function nodeIsNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

/** What kept the better driver from being installed, as the beginning of a line. */
function whyNotApt(plan, prefix) {
  if (plan.kind === 'none') return `${plan.why}; `;
  if (plan.kind === 'manual') return `a faster driver comes with: ${plan.command}; `;
  return prefix ? '' : 'no rights to install a driver; ';
}

/** Installs lavapipe where that is allowed, else fetches SwiftShader; gives the driver, or undefined after saying why not. */
function obtainDriver(found) {
  const { os, sources } = thisSystem();
  const plan = planDriver(process.platform, os, sources);
  const prefix = rights();
  if (plan.kind === 'apt' && prefix && installByApt(plan, prefix)) {
    const driver = resolveDriver(ROOT, process.env, { again: true });
    if (driver.kind !== 'none') return driver;
    say(`the installed driver offers no adapter: ${driver.reason}`);
  }
  if (found.kind === 'swiftshader') return found;
  const obstacle = swiftshaderObstacle(process.platform, process.arch);
  try {
    if (obstacle) throw new Error(obstacle);
    say(`${whyNotApt(plan, prefix)}fetching the software driver SwiftShader from npm (68 MB, 7 MB kept)`);
    fetchSwiftshader(cacheFolder(ROOT));
    const driver = resolveDriver(ROOT, process.env, { again: true });
    if (driver.kind !== 'none') return driver;
    say(`SwiftShader offers no adapter: ${driver.reason}`);
  } catch (error) {
    say(`no SwiftShader: ${error.message}`);
  }
  explain(plan, found.reason);
  return undefined;
}

/** The exact commands that a person with the rights has to run. */
function explain(plan, reason) {
  const root = process.getuid?.() === 0;
  const sudo = !root && spawnSync('sudo', ['--version'], { stdio: 'ignore' }).status === 0;
  const commands = planCommands(plan, sudo ? 'sudo ' : '');
  say(`a WebGPU adapter is needed, and none was found (${reason}).`);
  if (commands.length)
    say(`run this${sudo || root ? '' : ' as root'}, then try again:\n\n  ${commands.join('\n  ')}\n`);
  else say(plan.why);
}

/** Says what a person should know of the driver in use. */
function remark(driver, isNew, verbose) {
  const { kind, adapter, ignored, warning } = driver;
  if (ignored) say(`warning: ${ignored} gives no adapter and is not used`);
  if (warning) say(`warning: ${warning}. Until then everything is computed in software`);
  if (kind === 'swiftshader') say(`warning: SwiftShader is a slow driver; ${FASTER}`);
  if (isNew || verbose) say(`using ${kind === 'gpu' ? 'the GPU' : 'the software adapter'} ${adapter.name}`);
}

async function main(argv) {
  const { run, args, error } = parseArguments(argv);
  if (error) {
    say(error);
    return 2;
  }
  if (!nodeIsNewEnough()) {
    say(`Node 20.19 or newer is needed, this is ${process.version}. Install a newer Node.`);
    return 3;
  }
  const cache = cacheFolder(ROOT);
  if (!alone(cache, () => ensurePackages(ROOT))) return 9;
  // Asked for by itself, the set-up looks again and replaces the slow driver when it may.
  let driver = resolveDriver(ROOT, process.env, { again: run === undefined });
  const better = run === undefined && driver.kind === 'swiftshader';
  const missing = driver.kind === 'none';
  if (missing || better) driver = alone(cache, () => obtainDriver(driver));
  if (!driver) return 3;
  remark(driver, missing, run === undefined);
  if (run === undefined) return 0;
  const { argv: command, cwd } = commandOf(ROOT, run, args);
  return runNode(command, { cwd, env: withAdditions({ ...process.env, ...homeEnv(ROOT) }, driver.env) });
}

process.exitCode = await main(process.argv.slice(2));
