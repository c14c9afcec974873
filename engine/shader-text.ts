const cache = new Map<string, Promise<string>>();

let readFile: ((url: URL) => Promise<string>) | undefined;

/** Node's half of the loader, given by engine/device/node.ts: a bundle for browsers then has nothing of Node in it. */
export function readFilesWith(reader: (url: URL) => Promise<string>): void {
  readFile = reader;
}

/** The text of a `.wgsl` file: read from disk in Node, fetched in a browser; each file once. */
export function shaderText(url: URL): Promise<string> {
  let text = cache.get(url.href);
  if (!text) {
    text = url.protocol === 'file:' && readFile ? readFile(url) : fetchText(url);
    cache.set(url.href, text);
  }
  return text;
}

async function fetchText(url: URL): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href}: expected a shader, got HTTP status ${response.status}.`);
  return response.text();
}
