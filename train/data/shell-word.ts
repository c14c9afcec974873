/** A path as a shell reads it in one piece: quoted where it has to be. */
export function shellWord(path: string): string {
  return /^[\w./@:+~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
