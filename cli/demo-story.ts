/** What `npm run demo` does, as command lines: the whole way from nothing to repainted landscapes, small. */
import { join } from 'node:path';

const SIZE = 64;
/** Updates of the training. */
export const STEPS = 200;
/** Landscapes to learn from, and others to paint. */
const [SEEN, UNSEEN] = [64, 6];

/** Small enough for minutes in software; the high rate makes so short a training show something. */
const NETWORK = [
  ...['--load-size', `${SIZE}`, '--crop-size', `${SIZE}`, '--label-nc', '29', '--no-instance'],
  ...['--ngf', '8', '--ndf', '8', '--nhidden', '32', '--norm-g', 'spectralspadeinstance3x3'],
  ...['--vgg-channels', '8,16,32,64,64', '--batch-size', '4', '--lr', '0.0008'],
];

export interface Story {
  /** folders that are the demo's own and begin empty */
  readonly folders: readonly string[];
  /** the recipe of the pipeline */
  readonly recipe: { readonly path: string; readonly text: string };
  readonly steps: readonly { readonly what: string; readonly commands: readonly (readonly string[])[] }[];
  /** what there is to look at, with what it is */
  readonly results: readonly (readonly [string, string])[];
}

/**
 * @param out    the folder for everything
 * @param steps  updates of the training
 */
export function demoStory(out: string, steps = STEPS): Story {
  const part = (of: number) => `${Math.max(1, Math.floor(steps / of))}`;
  const [seen, unseen, runs, landscapes] = ['seen', 'unseen', 'runs', 'landscapes'].map((name) => join(out, name));
  const recipe = { path: join(out, 'landscapes.yaml'), text: recipeText(unseen, join(runs, 'demo'), landscapes) };
  const draw = (folder: string, count: number, seed: number) => [
    ...['synth-data', 'landscape', folder, '--count', `${count}`, '--size', `${SIZE}`, '--seed', `${seed}`, '--quiet'],
  ];
  const train = [
    ...['train', 'gaugan', '--label-dir', join(seen, 'labels'), '--image-dir', join(seen, 'images'), ...NETWORK],
    ...['--hold-out', '4', '--eval-every', part(2), '--sample-every', part(2), '--save-every', '0'],
    ...['--steps', `${steps}`, '--print-every', part(8), '--workers', '1'],
    ...['--runs', runs, '--name', 'demo', '--overwrite'],
  ];
  return {
    folders: [seen, unseen, landscapes],
    recipe,
    steps: [
      {
        what: `draw ${SEEN} landscapes of ${SIZE} x ${SIZE} pixels with their label maps, and ${UNSEEN} of other places`,
        commands: [draw(seen, SEEN, 0), draw(unseen, UNSEEN, 1)],
      },
      {
        what: `train a small GauGAN on them for ${steps} steps`,
        commands: [train],
      },
      {
        what: 'paint the label maps that it has not seen, give each picture the light of a reference photo, and measure',
        commands: [['pipeline', recipe.path, '--force']],
      },
    ],
    results: [
      [join(landscapes, 'eval', 'sheet.jpg'), 'label map, generated, reference, stylized, truth'],
      [join(landscapes, 'zip', 'result.zip'), 'the stylized pictures, by the names of their label maps'],
      [join(runs, 'demo', 'report.html'), 'curves of the training, its pictures before and after'],
    ],
  };
}

function recipeText(data: string, weights: string, output: string): string {
  return `# label map -> GauGAN -> CAP-VSTNet in the light of a photo. To run it again: miaobi pipeline THIS_FILE
labels: ${data}/labels
palette: ${data}/palette.json
references: ${data}/references
label-to-img: ${data}/label_to_img.json
truth: ${data}/images
output: ${output}
generate:
  weights: ${weights}
stylize:
  weights: none
eval:
  sheet: ${UNSEEN}
zip: true
`;
}
