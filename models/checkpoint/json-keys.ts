/**
 * The keys of a JSON object in the order of the text, and the first key that any object in it holds twice:
 * JSON.parse keeps the last of two equal keys and moves keys such as "0" to the front, without a word.
 *
 * @param text JSON that JSON.parse accepts, an object at the top
 */
export function jsonObjectKeys(text: string): { keys: string[]; duplicate: string | undefined } {
  const keys: string[] = [];
  let duplicate: string | undefined;
  const open: (Set<string> | null)[] = []; // one entry per open bracket; null for arrays
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(null);
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      const names = open[open.length - 1];
      if (names && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (names.has(key)) duplicate ??= key;
        else if (open.length === 1) keys.push(key);
        names.add(key);
      }
      at = end - 1;
    }
  }
  return { keys, duplicate };
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isKey(text: string, at: number): boolean {
  let next = at;
  while (' \t\n\r'.includes(text[next])) next++;
  return text[next] === ':';
}
