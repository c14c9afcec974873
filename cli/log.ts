/** What goes where: results to stdout, everything else to stderr. */
import { createColors } from 'picocolors';

export type Colours = ReturnType<typeof createColors>;

/** How much is said, and in which colours. */
export interface LogOptions {
  /** errors and warnings alone */
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** false: never; else where the stream is a terminal */
  readonly color?: boolean;
  readonly stream?: NodeJS.WriteStream;
}

/** The log of one command, on stderr. */
export interface Log {
  /** what is being done; silent with --quiet */
  info(line: string): void;
  /** details; only with --verbose */
  detail(line: string): void;
  /** something the user should change or know */
  warn(line: string): void;
  error(line: string): void;
  readonly quiet: boolean;
  readonly stream: NodeJS.WriteStream;
  readonly colours: Colours;
}

export function makeLog(options: LogOptions = {}): Log {
  const stream = options.stream ?? process.stderr;
  const colours = coloursFor(stream, options.color);
  const quiet = options.quiet ?? false;
  const write = (line: string) => {
    stream.write(`${line}\n`);
  };
  return {
    quiet,
    stream,
    colours,
    info: (line) => {
      if (!quiet) write(line);
    },
    detail: (line) => {
      if (options.verbose) write(colours.dim(line));
    },
    warn: (line) => write(`${colours.yellow('warning:')} ${line}`),
    error: (line) => write(line.replace(/^(internal )?error:/, (label) => colours.red(label))),
  };
}

/**
 * Colours where they can be seen: on a terminal, unless `allowed` is false or NO_COLOR is set; FORCE_COLOR has them
 * anywhere.
 *
 * @see https://no-color.org
 */
export function coloursFor(stream: { isTTY?: boolean }, allowed = true): Colours {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0';
  return createColors(allowed && !NO_COLOR && (forced || (stream.isTTY === true && TERM !== 'dumb')));
}
