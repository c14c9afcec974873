/** The names of a pipeline's stages, in the order in which they run. */
export const STAGES = ['generate', 'stylize', 'merge', 'eval', 'zip'] as const;

export type StageName = (typeof STAGES)[number];
