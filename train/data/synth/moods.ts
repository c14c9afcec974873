/** Colours and light of drawn landscapes. */

/** Red, green, blue in [0, 1]. */
export type Colour = readonly [number, number, number];

/** Colours and light of a drawn landscape. */
export interface Mood {
  readonly zenith: Colour;
  readonly horizon: Colour;
  readonly sun: Colour;
  /** height of the sun above the horizon, as a share of the sky */
  readonly sunHeight: number;
  readonly sunX: number;
  readonly cloud: Colour;
  readonly cloudCover: number;
  readonly rock: Colour;
  readonly snow: Colour;
  readonly forest: Colour;
  readonly meadow: Colour;
  readonly water: Colour;
  /** how strongly distance fades into the horizon's colour */
  readonly haze: number;
}

export const MOODS = {
  noon: {
    zenith: [0.18, 0.42, 0.78],
    horizon: [0.72, 0.85, 0.95],
    sun: [1, 0.98, 0.9],
    sunHeight: 0.85,
    sunX: 0.75,
    cloud: [0.98, 0.98, 1],
    cloudCover: 0.5,
    rock: [0.45, 0.44, 0.46],
    snow: [0.96, 0.97, 1],
    forest: [0.12, 0.28, 0.13],
    meadow: [0.36, 0.52, 0.2],
    water: [0.14, 0.34, 0.46],
    haze: 0.55,
  },
  dusk: {
    zenith: [0.16, 0.12, 0.32],
    horizon: [0.99, 0.55, 0.24],
    sun: [1, 0.78, 0.42],
    sunHeight: 0.12,
    sunX: 0.32,
    cloud: [0.93, 0.42, 0.36],
    cloudCover: 0.6,
    rock: [0.3, 0.2, 0.27],
    snow: [0.96, 0.62, 0.5],
    forest: [0.13, 0.09, 0.12],
    meadow: [0.36, 0.22, 0.14],
    water: [0.5, 0.26, 0.24],
    haze: 0.75,
  },
  moonlight: {
    zenith: [0.02, 0.04, 0.12],
    horizon: [0.16, 0.24, 0.4],
    sun: [0.85, 0.9, 1],
    sunHeight: 0.7,
    sunX: 0.25,
    cloud: [0.2, 0.26, 0.4],
    cloudCover: 0.45,
    rock: [0.1, 0.13, 0.2],
    snow: [0.45, 0.55, 0.72],
    forest: [0.02, 0.05, 0.08],
    meadow: [0.06, 0.11, 0.13],
    water: [0.05, 0.1, 0.2],
    haze: 0.5,
  },
  autumn: {
    zenith: [0.5, 0.6, 0.7],
    horizon: [0.9, 0.87, 0.78],
    sun: [1, 0.95, 0.8],
    sunHeight: 0.5,
    sunX: 0.6,
    cloud: [0.93, 0.92, 0.9],
    cloudCover: 0.7,
    rock: [0.5, 0.44, 0.38],
    snow: [0.95, 0.93, 0.88],
    forest: [0.66, 0.3, 0.08],
    meadow: [0.72, 0.56, 0.22],
    water: [0.34, 0.4, 0.4],
    haze: 0.6,
  },
  spring: {
    zenith: [0.3, 0.52, 0.8],
    horizon: [0.86, 0.9, 0.93],
    sun: [1, 0.98, 0.88],
    sunHeight: 0.6,
    sunX: 0.3,
    cloud: [0.96, 0.95, 0.97],
    cloudCover: 0.55,
    rock: [0.52, 0.5, 0.48],
    snow: [0.97, 0.97, 0.99],
    forest: [0.3, 0.46, 0.14],
    meadow: [0.58, 0.7, 0.26],
    water: [0.24, 0.46, 0.54],
    haze: 0.5,
  },
  overcast: {
    zenith: [0.5, 0.54, 0.6],
    horizon: [0.78, 0.8, 0.82],
    sun: [0.92, 0.92, 0.93],
    sunHeight: 0.8,
    sunX: 0.5,
    cloud: [0.74, 0.76, 0.79],
    cloudCover: 0.85,
    rock: [0.4, 0.41, 0.43],
    snow: [0.88, 0.9, 0.92],
    forest: [0.17, 0.25, 0.18],
    meadow: [0.38, 0.44, 0.28],
    water: [0.3, 0.36, 0.4],
    haze: 0.7,
  },
  winter: {
    zenith: [0.4, 0.56, 0.76],
    horizon: [0.86, 0.9, 0.96],
    sun: [1, 0.96, 0.92],
    sunHeight: 0.35,
    sunX: 0.7,
    cloud: [0.92, 0.94, 0.98],
    cloudCover: 0.5,
    rock: [0.5, 0.53, 0.6],
    snow: [0.98, 0.99, 1],
    forest: [0.5, 0.56, 0.6],
    meadow: [0.86, 0.89, 0.94],
    water: [0.5, 0.62, 0.7],
    haze: 0.5,
  },
  dawn: {
    zenith: [0.36, 0.42, 0.66],
    horizon: [1, 0.78, 0.72],
    sun: [1, 0.9, 0.74],
    sunHeight: 0.15,
    sunX: 0.7,
    cloud: [0.98, 0.7, 0.74],
    cloudCover: 0.5,
    rock: [0.44, 0.36, 0.44],
    snow: [1, 0.86, 0.84],
    forest: [0.2, 0.2, 0.26],
    meadow: [0.46, 0.42, 0.36],
    water: [0.62, 0.52, 0.6],
    haze: 0.85,
  },
  storm: {
    zenith: [0.09, 0.12, 0.15],
    horizon: [0.52, 0.54, 0.46],
    sun: [0.85, 0.85, 0.68],
    sunHeight: 0.3,
    sunX: 0.4,
    cloud: [0.22, 0.25, 0.28],
    cloudCover: 0.9,
    rock: [0.2, 0.21, 0.22],
    snow: [0.6, 0.63, 0.64],
    forest: [0.06, 0.11, 0.09],
    meadow: [0.25, 0.3, 0.12],
    water: [0.13, 0.19, 0.2],
    haze: 0.65,
  },
  desert: {
    zenith: [0.16, 0.44, 0.62],
    horizon: [0.98, 0.86, 0.62],
    sun: [1, 0.94, 0.74],
    sunHeight: 0.45,
    sunX: 0.35,
    cloud: [1, 0.92, 0.8],
    cloudCover: 0.3,
    rock: [0.7, 0.36, 0.2],
    snow: [0.94, 0.66, 0.42],
    forest: [0.62, 0.4, 0.2],
    meadow: [0.88, 0.66, 0.36],
    water: [0.3, 0.5, 0.46],
    haze: 0.6,
  },
} satisfies Record<string, Mood>;

export type MoodName = keyof typeof MOODS;
