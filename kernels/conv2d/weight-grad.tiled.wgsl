// Weight gradient of any convolution as an implicit matrix product, for GPUs: 64 output channels by 64 columns (c, ky, kx)
// a workgroup of 256 threads, summed over the pixels of one slot of rows, 16 at a step (the formula is that of
// weight-grad.taps.wgsl). The pixels of a step are neighbours in memory, so threads that are neighbours load neighbours.
// Rows of a tile are one vector longer than they hold, to spread the writes over the banks.
const STEP: u32 = 16u;
const PITCH: u32 = 17u; // vectors of four in 64, and one

var<workgroup> dyTile: array<vec4f, STEP * PITCH>;
var<workgroup> xTile: array<vec4f, STEP * PITCH>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let columns = P.c * P.kH * P.kW;
  let tiles = (columns + 63u) / 64u;
  let blocks = (P.k + 63u) / 64u;
  var rest = groupIndex(group, groups);
  let k0 = rest % blocks * 64u;
  rest /= blocks;
  let column0 = rest % tiles * 64u;
  rest /= tiles;
  let channelGroup = rest % P.groups;
  let slot = rest / P.groups;
  if (slot >= P.slots) { return; } // uniform across the workgroup

  let height = i32(P.h);
  let width = i32(P.w);
  let start = slot * P.slotRows * P.oW;
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH) * P.oW;
  // what this thread loads at each step: one pixel, for four channels of dy and four columns of x
  let part = thread % STEP;
  let quad = thread / STEP;

  var sums: array<vec4f, 4>;
  for (var p0 = start; p0 < end; p0 += STEP) {
    var gradients = vec4f();
    var pixels = vec4f();
    let p = p0 + part;
    if (p < end) {
      let ox = p % P.oW;
      let oy = p / P.oW % P.oH;
      let image = p / P.oW / P.oH;
      for (var e = 0u; e < 4u; e++) {
        let k = k0 + quad * 4u + e;
        if (k < P.k) { gradients[e] = f32(dy[((image * P.groups + channelGroup) * P.k + k) * P.oH * P.oW + oy * P.oW + ox]); }
        let column = column0 + quad * 4u + e;
        if (column < columns) {
          let iy = i32(oy * P.strideY + column / P.kW % P.kH * P.dilationY) - P.top;
          let ix = i32(ox * P.strideX + column % P.kW * P.dilationX) - P.left;
          if (P.padMode != 0u || !(outside(iy, height) || outside(ix, width))) {
            let channel = (image * P.groups + channelGroup) * P.c + column / (P.kH * P.kW);
            pixels[e] = f32(x[(channel * P.h + u32(padded(iy, height, P.padMode))) * P.w + u32(padded(ix, width, P.padMode))]);
          }
        }
      }
    }
    dyTile[part * PITCH + quad] = gradients;
    xTile[part * PITCH + quad] = pixels;
    workgroupBarrier();
    for (var step = 0u; step < STEP; step++) {
      let a = dyTile[step * PITCH + thread / 16u];
      let b = xTile[step * PITCH + thread % 16u];
      for (var i = 0u; i < 4u; i++) { sums[i] = fma(vec4f(a[i]), b, sums[i]); }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < 4u; i++) {
    let k = k0 + thread / 16u * 4u + i;
    for (var e = 0u; e < 4u; e++) {
      let column = column0 + thread % 16u * 4u + e;
      if (k < P.k && column < columns) {
        partial[((slot * P.groups + channelGroup) * P.k + k) * columns + column] = sums[i][e];
      }
    }
  }
}
