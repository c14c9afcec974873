/** Where the weights of a GauGAN lie: in a run, in a folder of the original, in files. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { networkFiles } from '../checkpoint/network-files.ts';
import { RequestError } from '../errors.ts';
import { assertModel, checkpointIn } from '../run/checkpoint-read.ts';

export interface GauganFiles {
  readonly G: string;
  /** the encoder; left out where there is none */
  readonly E?: string | undefined;
  /** averages of both, keys `G.NAME` and `E.NAME`, without the buffers */
  readonly ema?: string | undefined;
}

export interface GauganFilesOptions {
  /** of the encoder, where it is not beside the generator */
  readonly encoder?: string | undefined;
  /** which of the original's files a folder is to give: `60` of 60_net_G.pth; latest, else the last */
  readonly epoch?: string | undefined;
  readonly warn?: (line: string) => void;
}

/**
 * The files that a path means: a run folder (its newest whole checkpoint), a checkpoint folder, a folder of
 * `latest_net_G.pth` and its like, a folder of `G.safetensors`, or the generator's file, whose encoder is looked for
 * beside it under the same name.
 *
 * @throws RequestError when there is nothing, or no generator; CheckpointError when a checkpoint is damaged
 */
export async function gauganFiles(path: string, options: GauganFilesOptions = {}): Promise<GauganFiles> {
  const { encoder } = options;
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new RequestError(
      `${path}: expected weights of a GauGAN (a run folder, a folder with latest_net_G.pth, or a file), but there is ` +
        'nothing. Check the path; miaobi runs list shows what was trained here.',
    );
  }
  if (encoder !== undefined && !(await isThere(encoder))) {
    throw new RequestError(`--encoder ${encoder}: expected the encoder's weights, but there is no such file.`);
  }
  const files = found.isDirectory() ? await inFolder(path, options) : await besideFile(path);
  return encoder === undefined ? files : { ...files, E: encoder };
}

async function inFolder(path: string, { epoch, warn = () => {} }: GauganFilesOptions): Promise<GauganFiles> {
  const checkpoint = await checkpointIn(path, warn);
  if (checkpoint) {
    if (epoch !== undefined && epoch !== 'latest') {
      throw new RequestError(
        `--epoch ${epoch}: expected a folder of ${epoch}_net_G.pth, but ${path} is a run of miaobi. ` +
          'Name one of its checkpoints instead: RUN/checkpoints/step-…',
      );
    }
    assertModel(checkpoint, 'gaugan');
    const at = (key: string) => checkpoint.state.files[key] && join(checkpoint.path, checkpoint.state.files[key].file);
    const G = at('G');
    if (G) return { G, E: at('E'), ema: at('ema') };
  }
  const { files, epoch: wanted, found } = await networkFiles(path, ['G', 'E'], epoch);
  if (files.G === undefined) {
    throw new RequestError(
      `${path}: expected a run folder with checkpoints, or ${wanted ?? 'latest'}_net_G.pth in it, but ` +
        `${found.length > 0 ? `there is only ${found.join(', ')}` : 'there is neither'}. ` +
        'Check the path, or name the file itself.',
    );
  }
  return { G: files.G, E: files.E };
}

/** `latest_net_G.pth` → `latest_net_E.pth`, `G.safetensors` → `E.safetensors`. */
async function besideFile(path: string): Promise<GauganFiles> {
  const name = basename(path);
  const other = name.replace(/(^|_net_|[-_.])G(?=\.)/, '$1E');
  const E = join(dirname(path), other);
  return { G: path, E: other !== name && (await isThere(E)) ? E : undefined };
}

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
