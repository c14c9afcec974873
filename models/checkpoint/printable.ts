const MAX_LENGTH = 120;

/** Text out of a file, fit for a message or a terminal: control characters escaped, at most 120 characters. */
export function printable(text: string): string {
  const escaped = JSON.stringify(text.slice(0, MAX_LENGTH))
    .slice(1, -1)
    .replace(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.length > MAX_LENGTH ? `${escaped}…` : escaped;
}
