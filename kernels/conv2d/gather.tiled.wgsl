// Convolution and its transpose as an implicit matrix product, for GPUs (the formula is that of gather.taps.wgsl): rows are
// output channels, columns pixels of one phase in segments of four, terms r = (c, tap) over the taps on the phase's grid.
//
// A workgroup owns a tile of one phase, one group of channels and one slot of terms; see lib/tile.wgsl. Pixels are gathered
// as they are loaded. A thread loads the same segment at every step and walks over the terms without a division; where its
// window lies inside the picture for every tap, it looks at no padding.
const COLUMN_TERMS: u32 = THREADS / QUADS_N; // terms of pixels that all threads load at once
const ROW_QUADS: u32 = THREADS / STEP; // quads of channels that all threads load weights of at once

// a pixel of a row that begins at `start`, or its padding
fn pixelAt(start: u32, column: i32) -> T {
  if (P.padMode == 0u && outside(column, i32(P.w))) { return T(); }
  return x[start + u32(padded(column, i32(P.w), P.padMode))];
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let blocks = (P.outChannels + TILE_M - 1u) / TILE_M;
  let tiles = (P.segments + QUADS_N - 1u) / QUADS_N;
  let phases = u32(P.outStepY * P.outStepX);
  let index = groupIndex(group, groups);
  let tile = tileAt(index % (blocks * tiles), blocks, tiles);
  var rest = index / (blocks * tiles);
  let slot = rest % P.slots;
  rest /= P.slots;
  let phaseY = i32(rest % phases) / P.outStepX;
  let phaseX = i32(rest % phases) % P.outStepX;
  let channelGroup = rest / phases;
  if (channelGroup >= P.groups) { return; } // uniform across the workgroup
  let k0 = tile.x * TILE_M;
  let segment0 = tile.y * QUADS_N;

  let taps = tapsOf(phaseY, phaseX);
  let tapsY = u32(taps.count.y);
  let tapsX = u32(taps.count.x);
  let start = slot * P.slotTerms;
  let end = min(P.inChannels * tapsY * tapsX, start + P.slotTerms);

  // where this thread's segment begins in the source, and how far taps lie apart there
  let segment = min(segment0 + thread % QUADS_N, P.segments - 1u);
  let row = segment / P.rowSegments;
  let image = row / P.rows;
  let height = i32(P.h);
  let width = i32(P.w);
  let source = (image * P.groups + channelGroup) * P.inChannels;
  let tapStepY = P.gridTapY * P.tapY / P.outStepY;
  let tapStepX = P.gridTapX * P.tapX / P.outStepX;
  let y0 = i32(row % P.rows) * P.inStepY + (phaseY + P.originY + taps.first.y * P.tapY) / P.outStepY;
  let x0 = i32(segment % P.rowSegments * 4u) * P.inStepX + (phaseX + P.originX + taps.first.x * P.tapX) / P.outStepX;
  let y1 = y0 + (i32(tapsY) - 1) * tapStepY;
  let x1 = x0 + (i32(tapsX) - 1) * tapStepX;
  let inside = min(y0, y1) >= 0 && max(y0, y1) < height && min(x0, x1) >= 0 && max(x0, x1) + 3 * P.inStepX < width;

  let weights = channelGroup * P.weightGroup + u32(taps.first.y) * P.kW + u32(taps.first.x);
  var weightAt = walkTo(start + thread % STEP, tapsY, tapsX);
  var walk = walkTo(start + thread / QUADS_N, tapsY, tapsX);
  let stepOn = walkTo(STEP, tapsY, tapsX);
  let pixelOn = walkTo(COLUMN_TERMS, tapsY, tapsX);

  var sums: Sums;
  for (var r0 = start; r0 < end; r0 += STEP) {
    for (var quad = thread / STEP; quad < QUADS_M; quad += ROW_QUADS) {
      var values = U4();
      if (r0 + thread % STEP < end) {
        let tap = weightAt.middle * u32(P.gridTapY) * P.kW + weightAt.low * u32(P.gridTapX);
        let at = weights + weightAt.high * P.weightIn + tap;
        let out = at + P.weightOut * min(vec4u(k0 + quad * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(P.outChannels - 1u));
        values = U4(weight[out.x], weight[out.y], weight[out.z], weight[out.w]);
      }
      rowTile[thread % STEP * PITCH_M + quad] = values;
    }
    weightAt = walkOn(weightAt, stepOn, tapsY, tapsX);

    for (var term = thread / QUADS_N; term < STEP; term += COLUMN_TERMS) {
      var pixels = T4();
      if (r0 + term < end) {
        let iy = y0 + i32(walk.middle) * tapStepY;
        let ix = x0 + i32(walk.low) * tapStepX;
        let plane = (source + walk.high) * P.h;
        if (inside) {
          let at = (plane + u32(iy)) * P.w + u32(ix);
          let step = u32(P.inStepX);
          pixels = T4(x[at], x[at + step], x[at + 2u * step], x[at + 3u * step]);
        } else if (P.padMode != 0u || !outside(iy, height)) {
          let at = (plane + u32(padded(iy, height, P.padMode))) * P.w;
          let step = P.inStepX;
          pixels = T4(pixelAt(at, ix), pixelAt(at, ix + step), pixelAt(at, ix + 2 * step), pixelAt(at, ix + 3 * step));
        }
      }
      columnTile[term * PITCH_N + thread % QUADS_N] = pixels;
      walk = walkOn(walk, pixelOn, tapsY, tapsX);
    }
    workgroupBarrier();
    multiplyTiles(thread, min(STEP, end - r0), &sums);
    workgroupBarrier();
  }

  var parts = partsOf(sums);
  for (var part = 0u; part < PARTS_M * PARTS_N; part++) {
    let k = k0 + rowOfPart(thread, part);
    let stored = segment0 + columnOfPart(thread, part) / 4u;
    let storedRow = stored / P.rowSegments;
    let oy = storedRow % P.rows * u32(P.outStepY) + u32(phaseY);
    let ox = stored % P.rowSegments * 4u * u32(P.outStepX) + u32(phaseX);
    if (stored >= P.segments || oy >= P.oH) { continue; }
    for (var r = 0u; r < min(4u, P.outChannels - min(k, P.outChannels)); r++) {
      let channel = channelGroup * P.outChannels + k + r;
      let at = ((storedRow / P.rows * P.groups * P.outChannels + channel) * P.oH + oy) * P.oW;
      let row = parts[part][r];
      for (var e = 0u; e < 4u; e++) {
        let column = ox + e * u32(P.outStepX);
        if (column < P.oW) { store(slot, channel, at + column, row[e]); }
      }
    }
  }
}
