/** What a failure means to a shell: exit codes, and the message without the stack. */

/** Exit codes, the same for every command. */
export const EXIT = {
  done: 0,
  internal: 1,
  usage: 2,
  device: 3,
  data: 4,
  checkpoint: 5,
  memory: 6,
  diverged: 7,
  deviceLost: 8,
  missingTool: 9,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure whose exit code the command line itself decides. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode = EXIT.usage) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** By class name, so that no command has to load the engine to fail. */
const codes: Record<string, ExitCode> = {
  RequestError: EXIT.usage,
  VariantError: EXIT.usage,
  NoDeviceError: EXIT.device,
  DataError: EXIT.data,
  CheckpointError: EXIT.checkpoint,
  OutOfMemoryError: EXIT.memory,
  LimitError: EXIT.memory,
  NonFiniteError: EXIT.diverged,
  StatisticsError: EXIT.diverged,
  DivergedError: EXIT.diverged,
  DeviceLostError: EXIT.deviceLost,
  MissingToolError: EXIT.missingTool,
};

/** The exit code of anything that was thrown; what nobody foresaw is an internal error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  return error instanceof Error ? (codes[error.name] ?? EXIT.internal) : EXIT.internal;
}

export interface Explanation {
  readonly text: string;
  readonly exitCode: ExitCode;
}

/**
 * The lines to print for a failure: its message, with the stack when `debug` is set. An internal error says that it is
 * one and what to attach to a report.
 */
export function explain(error: unknown, debug = false): Explanation {
  const exitCode = exitCodeOf(error);
  const message = error instanceof Error ? error.message || error.name : String(error);
  const stack = debug && error instanceof Error && error.stack ? `\n${error.stack}${causes(error)}` : '';
  if (exitCode !== EXIT.internal) return { text: `error: ${message}${stack}`, exitCode };
  const hint = debug ? '' : ', what it prints with --debug';
  const text =
    `internal error: ${message}${stack}\n` +
    `This is a bug of miaobi. Please report it with the command line${hint} and the output of: miaobi doctor --json`;
  return { text, exitCode };
}

function causes(error: Error): string {
  let text = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) text += `\ncaused by ${cause.stack}`;
  return text;
}
