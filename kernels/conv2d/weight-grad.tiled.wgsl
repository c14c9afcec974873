// Weight gradient of any convolution as an implicit matrix product, for GPUs (the formula is that of weight-grad.taps.wgsl):
// rows are output channels, columns (c, ky, kx), terms the pixels of the result.
//
// A workgroup owns a tile of one group of channels and one slot of rows of pixels; see lib/tile.wgsl. The pixels of a step
// are neighbours in memory, and so are the threads that load them. A thread loads the same pixel for all its rows and
// columns, and walks over the pixels without a division.
const ROUND: u32 = THREADS / STEP; // quads that all threads load at once
const COLUMN_ROUNDS: u32 = QUADS_N / ROUND;

// where a column's tap reads: the start of its channel's plane in a picture, and its place from the pixel's
struct Tap { plane: u32, y: i32, x: i32 }

fn pixelAt(picture: u32, oy: u32, ox: u32, tap: Tap) -> T {
  var iy = i32(oy * P.strideY) + tap.y;
  var ix = i32(ox * P.strideX) + tap.x;
  if (P.padMode == 0u) {
    if (u32(iy) >= P.h || u32(ix) >= P.w) { return T(); } // below 0, too
  } else {
    iy = padded(iy, i32(P.h), P.padMode);
    ix = padded(ix, i32(P.w), P.padMode);
  }
  return x[picture + tap.plane + u32(iy) * P.w + u32(ix)];
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let columns = P.c * P.kH * P.kW;
  let blocks = (P.k + TILE_M - 1u) / TILE_M;
  let tiles = (columns + TILE_N - 1u) / TILE_N;
  let index = groupIndex(group, groups);
  let tile = tileAt(index % (blocks * tiles), blocks, tiles);
  let channelGroup = index / (blocks * tiles) % P.groups;
  let slot = index / (blocks * tiles) / P.groups;
  if (slot >= P.slots) { return; } // uniform across the workgroup
  let k0 = tile.x * TILE_M;
  let column0 = tile.y * TILE_N;

  let pixels = P.oH * P.oW;
  let start = slot * P.slotRows * P.oW;
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH) * P.oW;
  let term = thread % STEP;
  var at = walkTo(start + term, P.oH, P.oW);
  let stepOn = walkTo(STEP, P.oH, P.oW);

  // of the columns that this thread loads; those beyond the last are read as the last
  var taps: array<Tap, 4u * COLUMN_ROUNDS>;
  for (var e = 0u; e < 4u * COLUMN_ROUNDS; e++) {
    let column = min(column0 + (thread / STEP + e / 4u * ROUND) * 4u + e % 4u, columns - 1u);
    let tap = walkTo(column, P.kH, P.kW);
    taps[e] = Tap(
      tap.high * P.h * P.w,
      i32(tap.middle * P.dilationY) - P.top,
      i32(tap.low * P.dilationX) - P.left,
    );
  }

  var sums: Sums;
  for (var p0 = start; p0 < end; p0 += STEP) {
    let some = p0 + term < end;
    for (var quad = thread / STEP; quad < QUADS_M; quad += ROUND) {
      var gradients = U4();
      if (some) {
        let pixel = at.middle * P.oW + at.low;
        let k = min(vec4u(k0 + quad * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(P.k - 1u));
        let plane = ((at.high * P.groups + channelGroup) * P.k + k) * pixels + pixel;
        gradients = U4(dy[plane.x], dy[plane.y], dy[plane.z], dy[plane.w]);
      }
      rowTile[term * PITCH_M + quad] = gradients;
    }
    for (var round = 0u; round < COLUMN_ROUNDS; round++) {
      var values = T4();
      if (some) {
        let picture = (at.high * P.groups + channelGroup) * P.c * P.h * P.w;
        let e = round * 4u;
        values = T4(
          pixelAt(picture, at.middle, at.low, taps[e]),
          pixelAt(picture, at.middle, at.low, taps[e + 1u]),
          pixelAt(picture, at.middle, at.low, taps[e + 2u]),
          pixelAt(picture, at.middle, at.low, taps[e + 3u]),
        );
      }
      columnTile[term * PITCH_N + thread / STEP + round * ROUND] = values;
    }
    at = walkOn(at, stepOn, P.oH, P.oW);
    workgroupBarrier();
    multiplyTiles(thread, min(STEP, end - p0), &sums);
    workgroupBarrier();
  }

  var parts = partsOf(sums);
  for (var part = 0u; part < PARTS_M * PARTS_N; part++) {
    let k = k0 + rowOfPart(thread, part);
    let column = column0 + columnOfPart(thread, part);
    for (var r = 0u; r < min(4u, P.k - min(k, P.k)); r++) {
      let stored = ((slot * P.groups + channelGroup) * P.k + k + r) * columns + column;
      let row = parts[part][r];
      for (var e = 0u; e < 4u; e++) {
        if (column + e < columns) { partial[stored + e] = row[e]; }
      }
    }
  }
}
