import { describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript without declarations: it runs before anything is installed
import * as driverEnv from '../scripts/driver-env.mjs';
// @ts-expect-error as above
import * as facts from '../scripts/setup/facts.mjs';
// @ts-expect-error as above
import * as launch from '../scripts/setup/launch.mjs';
// @ts-expect-error as above
import * as osPlan from '../scripts/setup/os-plan.mjs';
// @ts-expect-error as above
import * as packages from '../scripts/setup/packages.mjs';
// @ts-expect-error as above
import * as swiftshader from '../scripts/setup/swiftshader.mjs';

const { parseOsRelease, parseSources, planDriver, planCommands } = osPlan;

const BOOKWORM = parseOsRelease('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n');
const DEB822 = `# comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;
const sources = (file: string, text: string) => parseSources([{ file, text }]);

describe('reading the package sources', () => {
  it('takes the mirror and the whole key of a deb822 stanza over to the backports suite', () => {
    const plan = planDriver('linux', BOOKWORM, sources('/etc/apt/sources.list.d/debian.sources', DEB822));
    expect(plan).toMatchObject({ kind: 'apt', suite: 'bookworm-backports' });
    expect(plan.source.path).toMatch(/\.sources$/);
    expect(plan.source.text).toBe(
      'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: \n' +
        ' -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n',
    );
  });

  it('keeps the options of a one-line source', () => {
    const text = 'deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # main mirror\n';
    const plan = planDriver('linux', BOOKWORM, sources('/etc/apt/sources.list', text));
    expect(plan.source.path).toMatch(/\.list$/);
    expect(plan.source.text).toBe(
      'deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-backports main\n',
    );
  });

  it('skips disabled stanzas, commented lines, source packages and discs', () => {
    expect(sources('a.sources', DEB822.replaceAll('Types: deb', 'Enabled: no\nTypes: deb'))).toEqual([]);
    expect(
      sources('a.list', '# deb http://m bookworm main\ndeb-src http://m bookworm main\ndeb cdrom:[x]/ bookworm main\n'),
    ).toEqual([]);
  });

  it('never takes the security mirror for the archive', () => {
    const security = DEB822.slice(DEB822.indexOf('\n\n') + 2);
    expect(planDriver('linux', BOOKWORM, sources('a.sources', security)).kind).toBe('none');
  });
});

describe('planning the driver', () => {
  it('adds no suite that the machine already has', () => {
    const text = 'deb http://m bookworm main\ndeb http://m bookworm-backports main\n';
    const plan = planDriver('linux', BOOKWORM, sources('a.list', text));
    expect(plan).toMatchObject({ kind: 'apt', source: null, suite: 'bookworm-backports' });
  });

  it.each([
    ['Debian 13', 'ID=debian\nVERSION_CODENAME=trixie'],
    ['Ubuntu 24.04', 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble'],
    ['a relative of Ubuntu', 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma'],
  ])('uses the main archive of %s', (_, text) => {
    expect(planDriver('linux', parseOsRelease(text), [])).toMatchObject({ kind: 'apt', source: null, suite: null });
  });

  it('sees Debian 12 beneath a relative with a name of its own', () => {
    const os = parseOsRelease('ID=linuxmint\nID_LIKE=debian\nVERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm');
    expect(planDriver('linux', os, sources('a.list', 'deb http://m bookworm main')).suite).toBe('bookworm-backports');
  });

  it('only names the command on systems without apt', () => {
    const plan = planDriver('linux', parseOsRelease('ID=fedora'), []);
    expect(plan.kind).toBe('manual');
    expect(planCommands(plan, 'sudo ')).toEqual(['sudo dnf install -y mesa-vulkan-drivers vulkan-loader']);
    expect(planDriver('linux', parseOsRelease('ID=nixos'), []).kind).toBe('none');
    expect(planDriver('darwin', {}, []).kind).toBe('none');
  });

  it('prints commands that a shell reads back as the same file', () => {
    const text = "deb [signed-by=/it's.gpg] http://m bookworm main\n";
    const commands = planCommands(planDriver('linux', BOOKWORM, sources('a.list', text)), '');
    expect(commands[0]).toBe(
      `printf '%s\\n' 'deb [signed-by=/it'\\''s.gpg] http://m bookworm-backports main' | tee /etc/apt/sources.list.d/miaobi-backports.list`,
    );
    expect(commands.at(-1)).toBe(
      'apt-get install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    );
  });
});

describe('choosing among installed drivers', () => {
  const icds = [{ file: '/i/lvp_icd.json', mtimeMs: 1 }];
  const machine = { icds, arch: 'x64', nodes: [], makers: [], choice: {} };
  const gpu = { name: 'Some GPU', software: false };
  const software = { name: 'llvmpipe', software: true };
  /** Answers a probe by the driver file it was given; `open` without one. */
  const asker = (open: unknown, byFile: Record<string, unknown> = {}) => {
    return ({ VK_ICD_FILENAMES: file }: Record<string, string>) => ({
      adapter: (file ? byFile[file] : open) ?? null,
      reason: 'none',
    });
  };
  const all = { '/i/lvp_icd.json': software, '/s/vk_swiftshader_icd.json': software };

  it('takes a GPU, whatever software is installed', () => {
    const choice = driverEnv.chooseDriver(machine, { ask: asker(gpu, all), swiftshader: '/s' });
    expect(choice).toEqual({ kind: 'gpu', adapter: gpu, env: {} });
  });

  it('pins lavapipe before SwiftShader', () => {
    const choice = driverEnv.chooseDriver(machine, { ask: asker(software, all), swiftshader: '/s' });
    expect(choice.kind).toBe('lavapipe');
    expect(choice.env).toEqual({ VK_ICD_FILENAMES: '/i/lvp_icd.json', VK_DRIVER_FILES: '/i/lvp_icd.json' });
  });

  it('passes by a lavapipe that offers no adapter', () => {
    const some = { '/s/vk_swiftshader_icd.json': software };
    const choice = driverEnv.chooseDriver(machine, { ask: asker(null, some), swiftshader: '/s', env: {} });
    expect(choice.kind).toBe('swiftshader');
    expect(choice.env.LD_LIBRARY_PATH).toBe('/s');
  });

  it('warns when a GPU is there but only software answers', () => {
    const closed = { ...machine, nodes: [{ file: '/dev/dri/renderD128', usable: false }], makers: ['AMD'] };
    expect(driverEnv.chooseDriver(closed, { ask: asker(software, all) }).warning).toContain('renderD128');
    expect(facts.unusedGpu({ nodes: [], makers: ['NVIDIA'] })).toContain('NVIDIA');
    expect(facts.unusedGpu({ nodes: [], makers: [] })).toBeUndefined();
  });

  it('follows a variable that works and says so of one that does not', () => {
    const chosen = { ...machine, choice: { VK_ICD_FILENAMES: '/mine.json' } };
    expect(driverEnv.chooseDriver(chosen, { ask: asker(software, all) })).toMatchObject({ kind: 'chosen', env: {} });
    const broken = driverEnv.chooseDriver(chosen, { ask: asker(null, all) });
    expect(broken).toMatchObject({ kind: 'lavapipe', ignored: 'VK_ICD_FILENAMES=/mine.json' });
  });

  it('lets a GPU win over a variable that gives nothing', () => {
    const chosen = { ...machine, choice: { VK_ICD_FILENAMES: '/mine.json' } };
    const ask = (env: Record<string, string | undefined>) => ({ adapter: 'VK_ICD_FILENAMES' in env ? gpu : null });
    const choice = driverEnv.chooseDriver(chosen, { ask });
    expect(choice.kind).toBe('gpu');
    expect(driverEnv.withAdditions({ VK_ICD_FILENAMES: '/mine.json', A: '1' }, choice.env)).toEqual({ A: '1' });
  });

  it('gives the reason when nothing answers', () => {
    const bare = { ...machine, icds: [] };
    expect(driverEnv.chooseDriver(bare, { ask: asker(null) })).toMatchObject({ kind: 'none', reason: 'none' });
  });

  it('takes the lavapipe of this processor', () => {
    const both = [{ file: '/i/lvp_icd.i686.json' }, { file: '/i/lvp_icd.x86_64.json' }];
    expect(driverEnv.lavapipeIcd(both, 'x64')).toBe('/i/lvp_icd.x86_64.json');
    expect(driverEnv.lavapipeIcd(both, 'arm64')).toBeUndefined();
  });
});

describe('the environment of a run', () => {
  it('needs a new process only for a library path that is not set yet', () => {
    const env = driverEnv.swiftshaderEnv('/s', { LD_LIBRARY_PATH: '/a:/b' });
    expect(env.LD_LIBRARY_PATH).toBe('/s:/a:/b');
    expect(driverEnv.needsNewProcess(env, { LD_LIBRARY_PATH: '/a:/b' })).toBe(true);
    expect(driverEnv.needsNewProcess(driverEnv.swiftshaderEnv('/s', env), env)).toBe(false);
    expect(driverEnv.needsNewProcess(driverEnv.lavapipeEnv('/i/lvp_icd.json'), {})).toBe(false);
  });

  it('has another fingerprint when a driver or a GPU comes or goes', () => {
    const before = { icds: [], nodes: [] };
    const after = { icds: [], nodes: [{ file: '/dev/nvidia0', usable: true }] };
    expect(facts.fingerprint(before)).toBe(facts.fingerprint({ ...before }));
    expect(facts.fingerprint(before)).not.toBe(facts.fingerprint(after));
  });
});

describe('the arguments', () => {
  it('passes everything after the name on, without the first --', () => {
    expect(launch.parseArguments(['--run', 'miaobi', '--', 'doctor', '--', '--json'])).toEqual({
      run: 'miaobi',
      args: ['doctor', '--', '--json'],
    });
    expect(launch.parseArguments([])).toEqual({ run: undefined, args: [] });
  });

  it.each([[['--run', 'nothing']], [['--run', 'toString']], [['demo']]])('refuses %j', (argv) => {
    expect(launch.parseArguments(argv).error).toContain('--run demo|test|');
  });
});

describe('comparing packages with the lockfile', () => {
  const lock = {
    packages: {
      '': {},
      a: { version: '1.0.0', integrity: 'x' },
      b: { version: '1.0.0', integrity: 'y', optional: true },
    },
  };

  it('allows what is only for other systems to be missing', () => {
    expect(packages.packagesMatch(lock, { packages: { a: lock.packages.a } })).toBe(true);
  });

  it('sees a missing package, another version and other contents', () => {
    expect(packages.packagesMatch(lock, { packages: { b: lock.packages.b } })).toBe(false);
    expect(packages.packagesMatch(lock, { packages: { a: { version: '1.0.1', integrity: 'x' } } })).toBe(false);
    expect(packages.packagesMatch(lock, { packages: { a: { version: '1.0.0', integrity: 'z' } } })).toBe(false);
  });
});

describe('unpacking', () => {
  /** One file's header and padded contents, in the ustar layout. */
  const entry = (name: string, text: string) => {
    const block = Buffer.alloc(512 + Math.ceil(text.length / 512) * 512);
    block.write(name, 0);
    block.write(text.length.toString(8).padStart(11, '0'), 124);
    block.write('0', 156);
    block.write('ustar', 257);
    block.write(text, 512);
    return block;
  };
  const archive = Buffer.concat([entry('a.txt', 'x'.repeat(600)), entry('b', 'end'), Buffer.alloc(1024)]);

  it('reads the files of a tar archive', () => {
    const files = swiftshader.untar(archive);
    expect([...files.keys()]).toEqual(['a.txt', 'b']);
    expect(files.get('a.txt').length).toBe(600);
    expect(files.get('b').toString()).toBe('end');
  });

  it('refuses an archive that ends inside a file', () => {
    expect(() => swiftshader.untar(archive.subarray(0, 900))).toThrow(/ends inside a file/);
  });
});
