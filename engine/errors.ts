/**
 * The errors a user can meet. Each message says what was expected, what came and what to do.
 * Anything else that is thrown is a bug of ours: see `invariant`.
 */

/** Shapes that do not fit together. */
export class ShapeError extends Error {
  override name = 'ShapeError';
}

/** A storage type that the op or the device does not take. */
export class DTypeError extends Error {
  override name = 'DTypeError';
}

/** A device limit that the work would exceed: names the limit, the need, the device's value and the way round. */
export class LimitError extends Error {
  override name = 'LimitError';
}

/** The pool's byte budget would be exceeded. */
export class OutOfMemoryError extends Error {
  override name = 'OutOfMemoryError';
  readonly neededBytes: number;
  readonly budgetBytes: number;
  constructor(message: string, neededBytes: number, budgetBytes: number) {
    super(message);
    this.neededBytes = neededBytes;
    this.budgetBytes = budgetBytes;
  }
}

/** A tensor was used after it was freed. */
export class DisposedError extends Error {
  override name = 'DisposedError';
}

/** No adapter suits, or the one that was asked for is not there. */
export class NoDeviceError extends Error {
  override name = 'NoDeviceError';
}

/** The GPU went away. */
export class DeviceLostError extends Error {
  override name = 'DeviceLostError';
}

/** WGSL that does not compile, a dispatch that the driver refuses. */
export class GpuValidationError extends Error {
  override name = 'GpuValidationError';
}

/** A checkpoint that cannot be read or does not fit the model. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  constructor(message: string, keys: { missing?: readonly string[]; unexpected?: readonly string[] } = {}) {
    super(message);
    this.missing = keys.missing ?? [];
    this.unexpected = keys.unexpected ?? [];
  }
}

/** A derivative that does not exist here, with the op that stands in the way. */
export class GradientError extends Error {
  override name = 'GradientError';
}

/** @throws Error "internal error" when `condition` does not hold: a bug of ours, never the user's. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message}`);
}
