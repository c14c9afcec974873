// Which Vulkan driver the project's processes use, and the environment that selects it. The set-up and the `miaobi`
// launcher share this file. The choice is remembered in a file under the cache folder together with a fingerprint of
// the machine's GPUs and drivers; any change there makes it ask WebGPU again, and a GPU always wins.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fingerprint, machineFacts, unusedGpu } from './setup/facts.mjs';
import { probe } from './setup/probe.mjs';

/** Version of SwiftShader's carrier package; part of its folder's name. */
export const SWIFTSHADER_VERSION = '147.0.0';

function writable(folder) {
  let at = folder;
  while (!existsSync(at) && path.dirname(at) !== at) at = path.dirname(at);
  try {
    accessSync(at, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Folder for what the set-up remembers and fetches: in the project where that can be written, else in the home. */
export function cacheFolder(root, env = process.env) {
  const own = path.join(root, '.cache', 'miaobi');
  if (writable(own)) return own;
  return path.join(env.XDG_CACHE_HOME || path.join(env.HOME || os.homedir(), '.cache'), 'miaobi');
}

/** Environment that selects SwiftShader and the Vulkan loader lying beside it in `folder`. */
export function swiftshaderEnv(folder, env = {}) {
  const icd = path.join(folder, 'vk_swiftshader_icd.json');
  const rest = (env.LD_LIBRARY_PATH ?? '').split(':').filter((part) => part && part !== folder);
  return { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd, LD_LIBRARY_PATH: [folder, ...rest].join(':') };
}

/** Environment that selects lavapipe by the driver description `icd`. */
export function lavapipeEnv(icd) {
  return { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd };
}

/**
 * The lavapipe description for this processor among installed ones; undefined when there is none.
 *
 * @param icds  [{ file }], in the loader's order
 * @param arch  Node's name of the processor, `process.arch`
 */
export function lavapipeIcd(icds, arch) {
  const suffix = { x64: 'x86_64', arm64: 'aarch64' }[arch] ?? arch;
  const names = ['lvp_icd.json', `lvp_icd.${suffix}.json`];
  return icds.find(({ file }) => names.includes(path.basename(file)))?.file;
}

/**
 * The choice among what is installed, given what WebGPU finds with each environment.
 *
 * A GPU wins, whatever else is there. Then what the person chose by a variable, then lavapipe, then SwiftShader, then
 * any other software adapter.
 *
 * @param facts  machineFacts()
 * @param tools  { ask(env additions) → { adapter, reason? }, swiftshader: folder or undefined, env }
 * @returns { kind, adapter, env, ignored?, warning? } or { kind: 'none', reason, ignored? }
 */
export function chooseDriver(facts, { ask, swiftshader, env = {} }) {
  const open = ask({});
  if (open.adapter && !open.adapter.software) return { kind: 'gpu', adapter: open.adapter, env: {} };
  const chosen = Object.keys(facts.choice);
  if (open.adapter && chosen.length) return { kind: 'chosen', adapter: open.adapter, env: {} };
  const ignored = chosen.length ? chosen.map((name) => `${name}=${facts.choice[name]}`).join(' ') : undefined;
  const warning = unusedGpu(facts);
  if (ignored) {
    const cleared = ask(Object.fromEntries(chosen.map((name) => [name, undefined])));
    if (cleared.adapter && !cleared.adapter.software) {
      return {
        kind: 'gpu',
        adapter: cleared.adapter,
        env: Object.fromEntries(chosen.map((name) => [name, null])),
        ignored,
      };
    }
  }
  const icd = lavapipeIcd(facts.icds, facts.arch);
  const pins = [
    ...(icd ? [{ kind: 'lavapipe', env: lavapipeEnv(icd) }] : []),
    ...(swiftshader ? [{ kind: 'swiftshader', env: swiftshaderEnv(swiftshader, env) }] : []),
  ];
  for (const pin of pins) {
    const { adapter } = ask(pin.env);
    if (adapter) return { ...pin, adapter, ignored, warning };
  }
  if (open.adapter) return { kind: 'software', adapter: open.adapter, env: {}, warning };
  return { kind: 'none', reason: open.reason, ignored };
}

/** `base` with additions laid over it; null or undefined takes a variable away. */
export function withAdditions(base, additions) {
  const env = { ...base, ...additions };
  for (const name of Object.keys(env)) if (env[name] == null) delete env[name];
  return env;
}

/** True when the additions only work from the start of a process: its library path is read once, at start. */
export function needsNewProcess(additions, env = process.env) {
  return additions.LD_LIBRARY_PATH != null && additions.LD_LIBRARY_PATH !== env.LD_LIBRARY_PATH;
}

function remembered(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function remember(file, record) {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`);
    renameSync(draft, file);
  } catch {
    // A read-only tree: the next process asks again, which costs a second and nothing else.
  }
}

/**
 * The driver that this machine's processes should use, remembered between runs.
 *
 * @param root     the project's folder
 * @param env      the environment the process was started with
 * @param options  { again: true } asks WebGPU even when nothing has changed
 * @returns chooseDriver()'s answer
 */
export function resolveDriver(root, env = process.env, { again = false } = {}) {
  const facts = machineFacts(root, env);
  const cache = cacheFolder(root, env);
  const file = path.join(cache, 'driver.json');
  const print = fingerprint(facts);
  const known = again ? undefined : remembered(file);
  if (known?.fingerprint === print && (!known.env.VK_ICD_FILENAMES || existsSync(known.env.VK_ICD_FILENAMES))) {
    return known.kind === 'swiftshader'
      ? { ...known, env: swiftshaderEnv(path.dirname(known.env.VK_ICD_FILENAMES), env) }
      : known;
  }
  const swiftshader = path.join(cache, `swiftshader-${SWIFTSHADER_VERSION}`);
  const choice = chooseDriver(facts, {
    ask: (additions) => probe(withAdditions({ ...env, ...homeEnv(root, env) }, additions)),
    swiftshader: existsSync(swiftshader) ? swiftshader : undefined,
    env,
  });
  if (choice.kind !== 'none') remember(file, { fingerprint: print, ...choice });
  return choice;
}

/**
 * What drivers expect of an account and some containers lack: a private runtime folder, and a place to keep compiled
 * shaders when the home cannot be written. Empty where the account has both.
 */
export function homeEnv(root, env = process.env) {
  if (process.platform !== 'linux') return {};
  const additions = {};
  if (!env.XDG_RUNTIME_DIR) {
    const folder = path.join(os.tmpdir(), `miaobi-runtime-${process.getuid()}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    additions.XDG_RUNTIME_DIR = folder;
  }
  const home = env.XDG_CACHE_HOME || path.join(env.HOME || os.homedir(), '.cache');
  if (!env.MESA_SHADER_CACHE_DIR && !writable(home)) {
    additions.MESA_SHADER_CACHE_DIR = path.join(cacheFolder(root, env), 'mesa');
  }
  return additions;
}
