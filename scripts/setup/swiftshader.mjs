// SwiftShader and a Vulkan loader without any rights: both lie in an npm package that carries a headless browser.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { SWIFTSHADER_VERSION } from '../driver-env.mjs';
import { npmCommand } from './packages.mjs';
import { npmComplaint } from './say.mjs';

const CARRIER = `@sparticuz/chromium@${SWIFTSHADER_VERSION}`;
const ARCHIVE = 'package/bin/swiftshader.tar.br';
const ARCHIVE_SHA256 = 'f957ea867313f9815b71dc2ed30cce301e01db4f3973fbdb31ffa5391b0ec45a';
const WANTED = ['libvk_swiftshader.so', 'libvulkan.so.1'];

/**
 * Plain files of a tar archive: Map of name → bytes (views of `archive`).
 *
 * @throws Error when the archive ends inside a file
 */
export function untar(archive) {
  const files = new Map();
  const field = (at, length) => archive.toString('latin1', at, at + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(field(at + 124, 12).trim(), 8);
    const end = at + 512 + size;
    if (!(end <= archive.length))
      throw new Error('tar: expected a complete archive, but it ends inside a file. Fetch it again.');
    const prefix = field(at + 257, 6) === 'ustar' ? field(at + 345, 155) : '';
    const name = path.posix.join(prefix, field(at, 100));
    const type = archive[at + 156];
    if (type === 0 || type === 0x30) files.set(name, archive.subarray(at + 512, end));
    at = at + 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Why SwiftShader cannot run here, in a phrase; undefined when it can. */
export function swiftshaderObstacle(platform, arch) {
  return platform === 'linux' && arch === 'x64'
    ? undefined
    : `SwiftShader is only packaged for Linux on x64, this is ${platform} on ${arch}`;
}

function unpack(carrier, folder) {
  const archive = untar(gunzipSync(carrier)).get(ARCHIVE);
  const sum = archive && createHash('sha256').update(archive).digest('hex');
  if (sum !== ARCHIVE_SHA256) {
    throw new Error(`${ARCHIVE}: expected SHA-256 ${ARCHIVE_SHA256}, but it is ${sum ?? 'not in the package'}.`);
  }
  const files = untar(brotliDecompressSync(archive));
  for (const name of WANTED) writeFileSync(path.join(folder, name), files.get(name), { mode: 0o755 });
}

/**
 * Fetches SwiftShader into `cache`.
 *
 * @param cache  folder that may be written; about 70 MB of it while this runs, 7 MB afterwards
 * @throws Error when the package cannot be had or is not what it should be; nothing stays behind then
 */
export function fetchSwiftshader(cache) {
  const folder = path.join(cache, `swiftshader-${SWIFTSHADER_VERSION}`);
  if (existsSync(folder)) return;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(path.join(cache, 'fetch-'));
  try {
    const [program, ...first] = npmCommand();
    const npm = spawnSync(program, [...first, 'pack', CARRIER, '--pack-destination', draft], {
      cwd: draft,
      encoding: 'utf8',
    });
    const packed = readdirSync(draft).find((name) => name.endsWith('.tgz'));
    if (npm.status !== 0 || !packed) {
      throw new Error(`npm pack ${CARRIER} failed:\n${npmComplaint(npm.stderr ?? npm.error?.message ?? '')}`);
    }
    const ready = path.join(draft, 'ready');
    mkdirSync(ready);
    unpack(readFileSync(path.join(draft, packed)), ready);
    const icd = {
      file_format_version: '1.0.0',
      ICD: { library_path: path.join(folder, WANTED[0]), api_version: '1.0.5' },
    };
    writeFileSync(path.join(ready, 'vk_swiftshader_icd.json'), `${JSON.stringify(icd)}\n`);
    renameSync(ready, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
