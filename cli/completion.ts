/** `miaobi completion`: shell completion, generated from the commands as they are. */
import { Argument, type Command } from 'commander';

/** One command and what can follow it. */
interface Node {
  /** words after the program's name: `ckpt inspect` */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly Flag[];
  /** choices of the first positional argument */
  readonly words: readonly string[];
}

interface Flag {
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

const SHELLS = ['bash', 'zsh', 'fish', 'pwsh'] as const;
type Shell = (typeof SHELLS)[number];

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'where it is for').choices(SHELLS))
    .addHelpText('after', '\nFor example: miaobi completion bash > ~/.local/share/bash-completion/completions/miaobi')
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });
}

/** The script that teaches a shell the program's commands, flags and choices. */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = collect(program, []);
  const name = program.name();
  return { bash, zsh, fish, pwsh }[shell](name, nodes);
}

function collect(command: Command, path: readonly string[]): Node[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  const ancestors = path.length > 0 ? help.visibleGlobalOptions(command) : [];
  const options = [...help.visibleOptions(command), ...ancestors];
  const seen = new Set<string>();
  const flags: Flag[] = [];
  for (const option of options) {
    const names = [option.short, option.long].filter((name): name is string => !!name && !seen.has(name));
    for (const option of names) seen.add(option);
    if (names.length === 0) continue;
    const takesValue = option.required || option.optional;
    flags.push({ names, description: option.description, takesValue, choices: option.argChoices ?? [] });
  }
  const node: Node = {
    path: path.join(' '),
    commands: commands.map((child) => ({ name: child.name(), description: child.description() })),
    flags,
    words: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [node, ...commands.flatMap((child) => collect(child, [...path, child.name()]))];
}

const words = (node: Node) => [...node.commands.map((command) => command.name), ...node.words];
const flagNames = (node: Node) => node.flags.flatMap((flag) => flag.names);

/** The command that the words so far name, as a `case` over the path. */
function bash(name: string, nodes: readonly Node[]): string {
  const paths = nodes.filter((node) => node.path !== '').map((node) => `    "${node.path}") path="${node.path}" ;;`);
  const cases = nodes.map((node) => {
    const values = node.flags
      .filter((flag) => flag.choices.length > 0)
      .map((flag) => `        ${flag.names.join('|')}) choices="${flag.choices.join(' ')}" ;;`);
    const files = node.flags
      .filter((flag) => flag.takesValue && flag.choices.length === 0)
      .flatMap((flag) => flag.names);
    if (files.length > 0) values.push(`        ${files.join('|')}) choices="" ;;`);
    return [
      `    "${node.path}")`,
      `      words="${words(node).join(' ')}"`,
      `      flags="${flagNames(node).join(' ')}"`,
      '      case "$prev" in',
      ...values,
      '        *) choices="-" ;;',
      '      esac ;;',
    ].join('\n');
  });
  return `# bash completion of ${name}
_${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" words flags choices i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
${paths.map((line) => `  ${line}`).join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  if [[ $choices != - ]]; then
    [[ -n $choices ]] && COMPREPLY=($(compgen -W "$choices" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -o bashdefault -o default -F _${name} ${name}
`;
}

/** Quotes for zsh's specifications, where a colon and brackets have meanings. */
const zshText = (text: string) => text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&');

function zsh(name: string, nodes: readonly Node[]): string {
  const functionOf = (path: string) => `_${[name, ...path.split(' ').filter(Boolean)].join('_').replaceAll('-', '_')}`;
  const bodies = nodes.map((node) => {
    const flags = node.flags.flatMap((flag) =>
      flag.names.map((option) => {
        const value = flag.choices.length > 0 ? `:value:(${flag.choices.join(' ')})` : ':value:_files';
        return `'${option}[${zshText(flag.description)}]${flag.takesValue ? value : ''}'`;
      }),
    );
    if (node.commands.length === 0) {
      const rest = node.words.length > 0 ? `'1:value:(${node.words.join(' ')})'` : "'*:file:_files'";
      return `${functionOf(node.path)}() {\n  _arguments -s ${[...flags, rest].join(' \\\n    ')}\n}`;
    }
    const list = node.commands.map((command) => `'${command.name}:${zshText(command.description)}'`).join(' ');
    const next = node.commands.map((command) => {
      const path = node.path ? `${node.path} ${command.name}` : command.name;
      return `        ${command.name}) ${functionOf(path)} ;;`;
    });
    return `${functionOf(node.path)}() {
  local state line
  _arguments -C -s ${flags.join(' \\\n    ')} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) local -a commands=(${list}); _describe command commands ;;
    argument)
      case $line[1] in
${next.join('\n')}
      esac ;;
  esac
}`;
  });
  return `#compdef ${name}\n# zsh completion of ${name}\n${bodies.join('\n')}\ncompdef ${functionOf('')} ${name}\n`;
}

function fish(name: string, nodes: readonly Node[]): string {
  const text = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = [`# fish completion of ${name}`];
  for (const node of nodes) {
    const parts = node.path.split(' ').filter(Boolean);
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
    const below = node.commands.map((command) => command.name);
    const here = [...seen, ...(below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(' ')}`] : [])];
    const condition = here.length > 0 ? ` -n ${text(here.join('; and '))}` : '';
    for (const command of node.commands) {
      lines.push(`complete -c ${name} -f${condition} -a ${command.name} -d ${text(command.description)}`);
    }
    for (const word of node.words) lines.push(`complete -c ${name} -f${condition} -a ${word}`);
    const where = seen.length > 0 ? ` -n ${text(seen.join('; and '))}` : '';
    for (const flag of parts.length > 0 ? node.flags.filter((flag) => !isGlobal(nodes[0], flag)) : node.flags) {
      const names = flag.names.map((option) =>
        option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`,
      );
      const value = flag.choices.length > 0 ? ` -x -a ${text(flag.choices.join(' '))}` : flag.takesValue ? ' -r' : '';
      lines.push(`complete -c ${name}${where} ${names.join(' ')}${value} -d ${text(flag.description)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const isGlobal = (root: Node, flag: Flag) =>
  root.flags.some((other) => other.names.some((n) => flag.names.includes(n)));

function pwsh(name: string, nodes: readonly Node[]): string {
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const list = (values: readonly string[]) => `@(${values.map(text).join(', ')})`;
  const tables = nodes.map((node) => {
    const choices = node.flags.flatMap((flag) => flag.names.map((option) => `${text(option)} = ${list(flag.choices)}`));
    return `    ${text(node.path)} = @{ Words = ${list(words(node))}; Flags = ${list(flagNames(node))}; Choices = @{ ${choices.join('; ')} } }`;
  });
  return `# PowerShell completion of ${name}
Register-ArgumentCompleter -Native -CommandName ${name} -ScriptBlock {
  param($word, $ast, $cursor)
  $table = @{
${tables.join('\n')}
  }
  $before = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString() })
  $path = ''
  foreach ($element in ($before | Select-Object -Skip 1)) {
    $next = ($path + ' ' + $element).Trim()
    if ($table.ContainsKey($next)) { $path = $next }
  }
  $node = $table[$path]
  $values = $node.Choices[[string]$before[-1]]
  if (-not $values) { $values = if ($word -like '-*') { $node.Flags } else { $node.Words } }
  $values | Where-Object { $_ -like "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}
