// What this machine shows of GPUs and Vulkan drivers without loading any of them: a few directory listings.
// Everything here can change which adapter WebGPU finds, so its fingerprint decides when to ask again.
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Variables by which a person chooses Vulkan drivers. */
export const CHOICE_VARIABLES = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'];

/** PCI vendors whose display controllers have Vulkan drivers; virtual machines' plain screens are not among them. */
const GPU_VENDORS = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

const list = (folder) => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

const read = (file) => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
};

/** Folders the Vulkan loader reads drivers from, in its order. */
export function icdFolders(env = process.env) {
  const home = env.HOME || os.homedir();
  const dataDirs = (env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':').filter(Boolean);
  const roots = [
    env.XDG_CONFIG_HOME || path.join(home, '.config'),
    ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(':').filter(Boolean),
    '/usr/local/etc',
    '/etc',
    env.XDG_DATA_HOME || path.join(home, '.local/share'),
    ...dataDirs,
    '/usr/local/share',
    '/usr/share',
  ];
  return [...new Set(roots)].map((root) => path.join(root, 'vulkan/icd.d'));
}

/** Driver descriptions installed on this machine: [{ file, mtimeMs }]. */
function installedIcds(env) {
  return icdFolders(env).flatMap((folder) =>
    list(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => path.join(folder, name))
      .filter((file) => existsSync(file))
      .map((file) => ({ file, mtimeMs: Math.round(statSync(file).mtimeMs) })),
  );
}

const usable = (file) => {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** Device nodes through which GPU drivers talk to their hardware: [{ file, usable }]. */
function gpuNodes() {
  const dri = list('/dev/dri').filter((name) => name.startsWith('renderD'));
  const nvidia = list('/dev').filter((name) => /^nvidia\d+$/.test(name));
  const others = ['dxg', 'kgsl-3d0', 'mali0'].filter((name) => existsSync(`/dev/${name}`));
  return [...dri.map((name) => `/dev/dri/${name}`), ...[...nvidia, ...others].map((name) => `/dev/${name}`)].map(
    (file) => ({ file, usable: usable(file) }),
  );
}

/** Makers of the display controllers (PCI class 03) on the bus. */
function pciGpus() {
  const bus = '/sys/bus/pci/devices';
  const makers = list(bus)
    .filter((id) => read(`${bus}/${id}/class`).startsWith('0x03'))
    .map((id) => GPU_VENDORS[read(`${bus}/${id}/vendor`)])
    .filter(Boolean);
  return [...new Set(makers)];
}

/**
 * Everything that decides which adapter is found, as plain data.
 *
 * @param root  the project's folder
 * @param env   environment whose driver choices count
 */
export function machineFacts(root, env = process.env) {
  const webgpu = read(path.join(root, 'node_modules/webgpu/package.json'));
  const linux = process.platform === 'linux';
  return {
    platform: process.platform,
    arch: process.arch,
    os: linux ? read('/etc/os-release') : os.release(),
    webgpu: webgpu ? JSON.parse(webgpu).version : '',
    icds: linux ? installedIcds(env) : [],
    nodes: linux ? gpuNodes() : [],
    makers: linux ? pciGpus() : [],
    choice: Object.fromEntries(CHOICE_VARIABLES.filter((name) => env[name]).map((name) => [name, env[name]])),
  };
}

/** Short name of a set of facts; two machines, or one before and after a change of drivers, differ in it. */
export function fingerprint(facts) {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/**
 * Why a machine that has a GPU may still show no adapter for it, in one line; undefined when it shows no GPU.
 */
export function unusedGpu({ nodes, makers }) {
  const closed = nodes.find((node) => !node.usable);
  if (closed) {
    return `${closed.file} is there but this account may not open it: add it to the group that owns it (usually "render"), then log in again`;
  }
  if (!nodes.length && !makers.length) return undefined;
  const what = makers.length ? `a GPU by ${makers.join(' and ')}` : nodes[0].file;
  const mend = makers.includes('NVIDIA')
    ? "install NVIDIA's driver with its Vulkan part (in a container: NVIDIA_DRIVER_CAPABILITIES=all), and what that loads on a server without a desktop: libvulkan1 libegl1 libgl1"
    : 'install its Vulkan driver';
  return `${what} is there but no driver offers it to WebGPU: ${mend}`;
}
