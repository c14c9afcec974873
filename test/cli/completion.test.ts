import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../cli/completion.ts';
import { buildProgram } from '../../cli/program.ts';

const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const script = (shell: 'bash' | 'zsh' | 'fish' | 'pwsh') => completionScript(buildProgram(), shell);

/** What bash would offer for the words so far, the last of them unfinished. */
function offers(...words: string[]): string[] {
  const program = `${script('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_miaobi; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['-c', program], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter(Boolean);
}

describe.runIf(has('bash'))('bash completion', () => {
  it('offers the commands', () => {
    expect(offers('miaobi', 'do')).toEqual(['doctor']);
    expect(offers('miaobi', '')).toEqual(expect.arrayContaining(['doctor', 'devices', 'completion']));
  });

  it('knows nested commands', () => {
    expect(offers('miaobi', 'ckpt', '')).toEqual(['inspect', 'convert', 'merge', 'strip', 'prune']);
    expect(offers('miaobi', '--json', 'ckpt', 'inspect', '--di')).toEqual(['--diff']);
  });

  it('offers the flags of a command and the global ones', () => {
    expect(offers('miaobi', 'doctor', '--js')).toEqual(['--json']);
    expect(offers('miaobi', '--dev')).toEqual(['--device']);
  });

  it('offers the choices of a flag and of an argument', () => {
    expect(offers('miaobi', 'doctor', '--precision', '')).toEqual(['f32', 'f16']);
    expect(offers('miaobi', 'completion', 'z')).toEqual(['zsh']);
  });

  it('leaves a free value to the shell', () => {
    expect(offers('miaobi', 'doctor', '--device', '')).toEqual([]);
  });
});

describe('every script', () => {
  it.each(['bash', 'zsh', 'fish', 'pwsh'] as const)('names every command and flag: %s', (shell) => {
    const text = script(shell);
    for (const command of buildProgram().commands) expect(text).toContain(command.name());
    for (const option of buildProgram().options) expect(text).toContain(option.long?.slice(2));
  });

  it.each(['zsh', 'fish'] as const)('parses where the shell is installed: %s', (shell) => {
    if (!has(shell)) return;
    const { status, stderr } = spawnSync(shell, ['-n'], { input: script(shell), encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});
