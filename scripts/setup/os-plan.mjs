// How a software Vulkan driver gets onto this system: pure functions from the system's own files to a plan.
// Debian 12's own Mesa (22.3) has no adapter that WebGPU accepts, so there the newer one comes from the backports suite.

/** /etc/os-release as an object. */
export function parseOsRelease(text) {
  const entries = text.split('\n').map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()));
  return Object.fromEntries(
    entries.filter(Boolean).map(([, name, value]) => [name, value.replace(/^(["'])(.*)\1$/, '$2')]),
  );
}

/** Stanzas of a deb822 file: [{ fields: Map of lower-case name → { name, value } }]. Continuation lines stay in the value. */
function deb822Stanzas(text) {
  const stanzas = [];
  let fields = new Map();
  let last;
  for (const line of [...text.split('\n'), '']) {
    if (line.startsWith('#')) continue;
    if (!line.trim()) {
      if (fields.size) stanzas.push(fields);
      fields = new Map();
      last = undefined;
    } else if (/^\s/.test(line) && last) {
      last.value += `\n${line}`;
    } else {
      const [, name, value] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
      if (!name) continue;
      last = { name, value: value.trim() };
      fields.set(name.toLowerCase(), last);
    }
  }
  return stanzas;
}

const words = (text = '') => text.split(/\s+/).filter(Boolean);

function deb822Sources(text) {
  return deb822Stanzas(text)
    .filter((fields) => !/^(no|false|0|off|without|disable)$/i.test(fields.get('enabled')?.value ?? ''))
    .map((fields) => ({
      form: 'deb822',
      types: words(fields.get('types')?.value),
      uris: words(fields.get('uris')?.value),
      suites: words(fields.get('suites')?.value),
      components: words(fields.get('components')?.value),
      // Keys, architectures and the like, kept word for word for the new suite.
      options: [...fields.values()]
        .filter(({ name }) => !/^(types|uris|suites|components|enabled)$/i.test(name))
        .map(({ name, value }) => `${name}: ${value}`),
    }));
}

function oneLineSources(text) {
  return text
    .split('\n')
    .map((line) => /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line))
    .filter(Boolean)
    .map(([, type, options, uri, suite, components]) => ({
      form: 'list',
      types: [type],
      uris: [uri],
      suites: [suite],
      components: words(components),
      options: options ? [options.trim()] : [],
    }));
}

/**
 * Package sources of the machine.
 *
 * @param files  [{ file, text }] of /etc/apt/sources.list and /etc/apt/sources.list.d/*
 * @returns [{ form: 'deb822' | 'list', types, uris, suites, components, options }], binary packages only
 */
export function parseSources(files) {
  return files
    .flatMap(({ file, text }) => (file.endsWith('.sources') ? deb822Sources(text) : oneLineSources(text)))
    .filter((source) => source.types.includes('deb') && source.uris.length && !source.uris[0].startsWith('cdrom:'));
}

/** A source file for `suite` from the mirror, and with the options, of `source`: { path, text }. */
function siblingSource(source, suite) {
  if (source.form === 'list') {
    const options = source.options.length ? `[${source.options[0]}] ` : '';
    return {
      path: '/etc/apt/sources.list.d/miaobi-backports.list',
      text: `deb ${options}${source.uris[0]} ${suite} main\n`,
    };
  }
  const lines = [
    'Types: deb',
    `URIs: ${source.uris.join(' ')}`,
    `Suites: ${suite}`,
    'Components: main',
    ...source.options,
  ];
  return { path: '/etc/apt/sources.list.d/miaobi-backports.sources', text: `${lines.join('\n')}\n` };
}

const PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1'];

const OTHER_SYSTEMS = [
  { ids: ['fedora', 'rhel', 'centos'], command: 'dnf install -y mesa-vulkan-drivers vulkan-loader' },
  { ids: ['arch'], command: 'pacman -S --noconfirm vulkan-swrast vulkan-icd-loader' },
  { ids: ['suse', 'opensuse'], command: 'zypper install -y libvulkan_lvp libvulkan1' },
];

/**
 * What would bring a software Vulkan driver (lavapipe, Mesa 25) onto this system.
 *
 * @param platform  process.platform
 * @param os        parseOsRelease()
 * @param sources   parseSources()
 * @returns { kind: 'apt', source: { path, text } | null, suite: string | null, packages }
 *       or { kind: 'manual', command }: a command this script does not run by itself
 *       or { kind: 'none', why }
 */
export function planDriver(platform, os, sources) {
  if (platform !== 'linux') {
    return { kind: 'none', why: 'on macOS and Windows the graphics driver comes with the system; update it' };
  }
  const ids = [os.ID, ...words(os.ID_LIKE)].filter(Boolean);
  if (ids.includes('debian') || ids.includes('ubuntu')) {
    const codename = os.DEBIAN_CODENAME || os.VERSION_CODENAME;
    if (codename !== 'bookworm') return { kind: 'apt', source: null, suite: null, packages: PACKAGES };
    const suite = 'bookworm-backports';
    if (sources.some((source) => source.suites.includes(suite) && source.components.includes('main'))) {
      return { kind: 'apt', source: null, suite, packages: PACKAGES };
    }
    const own = sources.find((s) => s.suites.includes(codename) && s.components.includes('main'));
    if (own) return { kind: 'apt', source: siblingSource(own, suite), suite, packages: PACKAGES };
    return {
      kind: 'none',
      why: `no package source for ${codename} main was found under /etc/apt: add one, and its ${suite} suite`,
    };
  }
  const other = OTHER_SYSTEMS.find((system) => system.ids.some((id) => ids.includes(id)));
  if (other) return { kind: 'manual', command: other.command };
  return {
    kind: 'none',
    why: "install this system's package of Mesa 25 or newer with its software Vulkan driver (lavapipe)",
  };
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The plan as shell commands for a person to run, one a line.
 *
 * @param prefix  'sudo ' or ''
 */
export function planCommands(plan, prefix) {
  if (plan.kind === 'manual') return [`${prefix}${plan.command}`];
  if (plan.kind !== 'apt') return [];
  const lines = plan.source?.text.trimEnd().split('\n').map(quote).join(' ');
  return [
    ...(plan.source ? [`printf '%s\\n' ${lines} | ${prefix}tee ${plan.source.path}`] : []),
    `${prefix}apt-get update`,
    `${prefix}apt-get ${installArguments(plan).join(' ')}`,
  ];
}

/** apt-get's arguments that install the plan's packages. */
export function installArguments(plan) {
  return ['install', '-y', '--no-install-recommends', ...(plan.suite ? ['-t', plan.suite] : []), ...plan.packages];
}
