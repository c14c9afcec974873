/** The networks: plain functions over trees of parameters, which run in Node and in browsers. */

export * from './cap-vstnet/config.ts';
export { type CapVstnetParams, decode, encode } from './cap-vstnet/network.ts';
export { initialParameters, type ParameterSource, parametersFrom } from './cap-vstnet/parameters.ts';
export { decodeReversible, encodeReversible } from './cap-vstnet/reversible.ts';
export { stylize } from './cap-vstnet/stylize.ts';
export { transfer } from './cap-vstnet/transfer.ts';
export { KEY_MAPS, type KeyMap, keyMapFor } from './checkpoint/key-maps.ts';
export { parse, serialize } from './checkpoint/safetensors.ts';
export * from './gaugan/config.ts';
export { type DiscriminatorWeights, discriminate, discriminatorWeights } from './gaugan/discriminator.ts';
export { type EncoderWeights, encodeImage, encoderWeights, reparameterize } from './gaugan/encoder.ts';
export { type GeneratorWeights, generate, generatorWeights } from './gaugan/generator.ts';
export { pix2pixHd, pix2pixHdWeights } from './gaugan/pix2pixhd.ts';
export type { SemanticMap } from './gaugan/semantic-map.ts';
export { type SpadeBlockParams, type SpadeParams, spadeBlock, spadeNorm } from './gaugan/spade.ts';
export {
  countParameters,
  discriminatorSpecs,
  encoderSpecs,
  generatorSpecs,
  initialState,
  pix2pixHdSpecs,
  type StateSpec,
} from './gaugan/state.ts';
export { isBuffer, joinState, type Mode, splitState } from './layers/state.ts';
export { type Vgg19, vgg19Features } from './vgg/vgg19.ts';
