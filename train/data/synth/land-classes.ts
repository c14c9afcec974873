/** The classes of drawn landscapes, and the colours that their label maps are shown in. */

/** In the order of their ids. */
export const LAND_CLASSES = [
  ['sky', '#6fb7ff'],
  ['cloud', '#dfe7ef'],
  ['sun', '#ffe14d'],
  ['mountain', '#7d6f86'],
  ['snow', '#ffffff'],
  ['hill', '#7f9a52'],
  ['forest', '#1f5c33'],
  ['tree', '#2f8f3f'],
  ['trunk', '#5a3a20'],
  ['bush', '#63a537'],
  ['grass', '#8fd14f'],
  ['field', '#d9c24a'],
  ['flowers', '#e85aa5'],
  ['earth', '#8a5a33'],
  ['path', '#c79a6b'],
  ['road', '#4b4b52'],
  ['sand', '#f2dca0'],
  ['rock', '#9a9a9a'],
  ['cliff', '#6b5a4c'],
  ['sea', '#1c4fa0'],
  ['lake', '#2f86c9'],
  ['river', '#49a9d9'],
  ['waterfall', '#b5ecff'],
  ['ice', '#c3d9f2'],
  ['reed', '#a8a23c'],
  ['house', '#c0392b'],
  ['fence', '#6e4a8e'],
  ['boat', '#ff7f27'],
  ['fog', '#b8b8d8'],
] as const satisfies readonly (readonly [name: string, colour: string])[];

export type LandClass = (typeof LAND_CLASSES)[number][0];

/** Ids by name. */
export const LAND = Object.fromEntries(LAND_CLASSES.map(([name], id) => [name, id])) as Readonly<
  Record<LandClass, number>
>;
