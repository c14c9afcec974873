/** Networks whose checkpoints we know, as `--model` spells them: apart from what they are, for it takes long to load. */
export const MODEL_NAMES = [
  ...(['cap-vstnet', 'vgg-normalised', 'vgg19', 'vgg16', 'fid-inception'] as const),
  ...(['gaugan-G', 'gaugan-E', 'gaugan-D'] as const),
] as const;

export type ModelName = (typeof MODEL_NAMES)[number];
