/** Files of several networks in one folder: `latest_net_G.pth`, as the pix2pix family names them, or `G.safetensors`. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface NetworkFiles {
  /** paths by network, of those that are there */
  readonly files: Readonly<Record<string, string>>;
  /** of the files that are meant: `latest` of latest_net_G.pth; undefined for G.safetensors */
  readonly epoch: string | undefined;
  /** all files of epochs, without their extensions: 60_net_G */
  readonly found: readonly string[];
}

const EXTENSION = String.raw`\.(?:pth|pt|pkl|npz|safetensors)$`;

/**
 * Finds the files of networks in a folder.
 *
 * @param networks  as the files name them; the first that has files decides which epoch is meant
 * @param epoch     `60` of 60_net_G.pth; latest, else the last, else files without epoch, when left out
 */
export async function networkFiles(folder: string, networks: readonly string[], epoch?: string): Promise<NetworkFiles> {
  const names = (await readdir(folder)).sort();
  const stems = networks.map((network) => matches(names, new RegExp(`^(\\w+)_net_${network}${EXTENSION}`)));
  const epochs = stems.find((own) => own.length > 0) ?? [];
  const wanted = epoch ?? (epochs.includes('latest') ? 'latest' : last(epochs));
  const files: Record<string, string> = {};
  for (const network of networks) {
    const stem = wanted === undefined ? network : `${wanted}_net_${network}`;
    const name = names.find((one) => new RegExp(`^${stem}${EXTENSION}`).test(one));
    if (name !== undefined) files[network] = join(folder, name);
  }
  const found = networks.flatMap((network, i) => stems[i].map((own) => `${own}_net_${network}`));
  return { files, epoch: wanted, found };
}

const matches = (names: readonly string[], pattern: RegExp) => names.flatMap((name) => pattern.exec(name)?.[1] ?? []);

const last = (epochs: readonly string[]): string | undefined =>
  epochs.reduce<string | undefined>(
    (best, one) => (best === undefined || Number(one) > Number(best) ? one : best),
    undefined,
  );
