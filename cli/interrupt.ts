/** Ctrl-C and SIGTERM for work that can be saved: the first asks, the second ends it. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopListener {
  /** the signal that came, once one did */
  readonly requested: () => string | undefined;
  /** 130 after Ctrl-C, 143 after SIGTERM; 0 without */
  readonly exitCode: () => number;
  /** Gives the signals back their usual meaning. */
  dispose(): void;
}

/**
 * Listens until disposed of.
 *
 * @param say  told once, when the first signal comes
 */
export function listenForStop(say: (line: string) => void): StopListener {
  let came: (typeof SIGNALS)[number] | undefined;
  const codeOf = (signal: keyof typeof constants.signals) => 128 + constants.signals[signal];
  const onSignal = (signal: NodeJS.Signals) => {
    if (came !== undefined) process.exit(codeOf(signal));
    came = signal as (typeof SIGNALS)[number];
    say(`${signal}: finishing this step, then saving. Once more stops at once; what is not saved is lost then.`);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    requested: () => came,
    exitCode: () => (came === undefined ? 0 : codeOf(came)),
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
