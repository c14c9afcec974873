import { accessSync, constants } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import type { Bundle } from './bundle.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'chrome'];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The browser to test in: `MIAOBI_CHROMIUM`, or the first of Chromium's family on the path. */
export function findChromium(env = process.env): string | undefined {
  if (env.MIAOBI_CHROMIUM) return env.MIAOBI_CHROMIUM;
  const folders = (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  const candidates = [...folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))), ...APPLICATIONS];
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** On Linux the browser computes on the SwiftShader that it brings along: the same with a GPU, a driver, or neither. */
const SOFTWARE = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The choice of a Vulkan driver for Node is none of the browser's. */
function environment(): Record<string, string> {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES, LD_LIBRARY_PATH, ...rest } = process.env;
  return rest as Record<string, string>;
}

export interface OpenPage {
  readonly page: Page;
  /** what the page logged, threw, or could not load */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Serves a bundle from this machine and opens a page that runs it, in a browser with a fresh profile. */
export async function openPage(executablePath: string, bundle: Bundle): Promise<OpenPage> {
  const server = await serve(bundle);
  const args = [...(process.platform === 'linux' ? SOFTWARE : []), ...QUIET];
  const options = { executablePath, args, env: environment(), timeout: 60_000 };
  const browser = await chromium.launch(options).catch((error: Error) => {
    server.close();
    throw error;
  });
  const complaints: string[] = [];
  const page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(`${message.type()}: ${message.text()}`);
  });
  const close = async () => {
    await browser.close();
    server.close();
  };
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return { page, complaints, close };
}

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wgsl': 'text/plain; charset=utf-8' };

/** The policy keeps the page from any other address, and from making code of text. */
async function serve({ entry, files }: Bundle): Promise<Server> {
  const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/${entry}"></script>`;
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1);
    const body = name === '' ? html : files.get(name);
    response.setHeader('content-type', name === '' ? 'text/html' : (TYPES[path.extname(name)] ?? 'text/plain'));
    response.setHeader('content-security-policy', "default-src 'self'; img-src data:");
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
