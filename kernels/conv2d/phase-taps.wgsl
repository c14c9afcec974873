// One phase's share of the taps, along both axes: the first, and how many.
struct Taps { phase: vec2i, first: vec2i, count: vec2i }

// the first tap of an axis whose position falls on the phase's grid
fn firstTap(start: i32, taps: i32, step: i32, grid: i32) -> i32 {
  for (var tap = 0; tap < taps; tap++) {
    if ((start + tap * step) % grid == 0) { return tap; }
  }
  return taps;
}

fn tapsOf(phaseY: i32, phaseX: i32) -> Taps {
  let firstY = firstTap(phaseY + P.originY, i32(P.kH), P.tapY, P.outStepY);
  let firstX = firstTap(phaseX + P.originX, i32(P.kW), P.tapX, P.outStepX);
  let countY = (i32(P.kH) - firstY + P.gridTapY - 1) / P.gridTapY;
  let countX = (i32(P.kW) - firstX + P.gridTapX - 1) / P.gridTapX;
  return Taps(vec2i(phaseX, phaseY), vec2i(firstX, firstY), vec2i(countX, countY));
}
