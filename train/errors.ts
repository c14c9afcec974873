/**
 * What can go wrong between the files of a user and the networks. Each message says what was expected, what came and
 * what to do; the command line turns the class into an exit code.
 */

/** A file or folder whose content is not what it should be. */
export class DataError extends Error {
  override name = 'DataError';
}

/** A request that cannot be met as it stands: a path that is not there, an output that exists or cannot be written. */
export class RequestError extends Error {
  override name = 'RequestError';
}

/** NaN or infinity where numbers belong. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
}

/** Training that went to NaN or infinity, or that updates nothing any more. */
export class DivergedError extends Error {
  override name = 'DivergedError';
}
