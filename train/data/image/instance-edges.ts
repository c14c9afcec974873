/**
 * Where instances meet: 1 at a pixel whose id differs from that of its left, right, upper or lower neighbour, so both
 * pixels of a pair are marked. The picture's border makes no edge.
 *
 * @param instances  [height, width] ids
 * @returns          [height, width] of 0 and 1
 */
export function instanceEdges(instances: ArrayLike<number>, width: number, height: number): Uint8Array<ArrayBuffer> {
  const edges = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (x + 1 < width && instances[at] !== instances[at + 1]) edges[at] = edges[at + 1] = 1;
      if (y + 1 < height && instances[at] !== instances[at + width]) edges[at] = edges[at + width] = 1;
    }
  }
  return edges;
}
