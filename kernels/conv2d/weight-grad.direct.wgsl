// Weight gradient of any convolution, the plain way: a workgroup owns one weight, its threads share the pixels of one slot
// of rows, and their sums meet pairwise (the formula is that of weight-grad.taps.wgsl). For depthwise and other small
// groups.
var<workgroup> part: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let columns = P.c * P.kH * P.kW;
  let count = P.groups * P.k * columns;
  let index = groupIndex(group, groups);
  if (index >= P.slots * count) { return; } // uniform across the workgroup
  let slot = index / count;
  let channel = index % count / columns; // of dy
  let column = index % columns;
  let source = channel / P.k * P.c + column / (P.kH * P.kW); // channel of x
  let shiftY = i32(column / P.kW % P.kH * P.dilationY) - P.top;
  let shiftX = i32(column % P.kW * P.dilationX) - P.left;
  let height = i32(P.h);
  let width = i32(P.w);
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH) * P.oW;

  var sum = 0.0;
  for (var p = slot * P.slotRows * P.oW + thread; p < end; p += WG) {
    let ox = p % P.oW;
    let oy = p / P.oW % P.oH;
    let image = p / P.oW / P.oH;
    let iy = i32(oy * P.strideY) + shiftY;
    let ix = i32(ox * P.strideX) + shiftX;
    if (P.padMode != 0u || !(outside(iy, height) || outside(ix, width))) {
      let row = (image * P.groups * P.c + source) * P.h + u32(padded(iy, height, P.padMode));
      let gradient = f32(dy[((image * P.groups * P.k + channel) * P.oH + oy) * P.oW + ox]);
      sum += gradient * f32(x[row * P.w + u32(padded(ix, width, P.padMode))]);
    }
  }
  part[thread] = sum;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (thread < half) { part[thread] += part[thread + half]; }
    workgroupBarrier();
  }
  if (thread == 0u) { partial[index] = part[0]; }
}
