/** `miaobi eval`: measures of results, a command each. */
import type { Command } from 'commander';
import { registerEvalFid } from './eval-fid.ts';
import { registerEvalStyle } from './eval-style.ts';

export function registerEval(program: Command): void {
  const command = program
    .command('eval')
    .description('measure results: how near to real pictures, to a style, how true to a content');
  registerEvalFid(command);
  registerEvalStyle(command);
}
