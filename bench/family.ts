/** What kind of work an op is: a word and a colour for pictures. */
export interface Family {
  readonly name: string;
  readonly colour: string;
}

/** By the words in a name; the first that fits. New ops find a place by their names, or are among the last. */
const FAMILIES: readonly (Family & { readonly fits: RegExp })[] = [
  { name: 'convolution', colour: '#2563eb', fits: /conv|onehot/i },
  { name: 'matrix', colour: '#7c3aed', fits: /^(matmul|linear|cholesky|triangular|covariance|matting|spectral)/i },
  { name: 'normalisation', colour: '#059669', fits: /norm|spade|softmax|variance|adain/i },
  { name: 'picture', colour: '#d97706', fits: /pool|resize|warp|pad|fold|squeeze|flip/i },
  { name: 'network', colour: '#0891b2', fits: /^(gaugan|cap-vstnet)$/ },
  { name: 'pointwise, reduction', colour: '#dc2626', fits: /./ },
];

export const families: readonly Family[] = FAMILIES;

export function familyOf(op: string): Family {
  return FAMILIES.find(({ fits }) => fits.test(op)) as Family;
}
