const cache = new Map<string, Promise<string>>();

/** The text of a `.wgsl` file: read from disk in Node, fetched in a browser; each file once. */
export function shaderText(url: URL): Promise<string> {
  let text = cache.get(url.href);
  if (!text) {
    text = url.protocol === 'file:' ? readFromDisk(url) : fetchText(url);
    cache.set(url.href, text);
  }
  return text;
}

async function readFromDisk(url: URL): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(url, 'utf8');
}

async function fetchText(url: URL): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href}: expected a shader, got HTTP status ${response.status}.`);
  return response.text();
}
