// Convolution and its transpose, the plain way: a thread owns four neighbouring pixels of one phase and one channel, and
// walks over channels and taps (the formula is that of gather.taps.wgsl). For depthwise and other small groups, where
// nothing is shared between channels.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let phases = u32(P.outStepY * P.outStepX);
  var rest = groupIndex(group, groups) * WG + thread;
  let segment = rest % P.segments;
  rest /= P.segments;
  let phaseY = i32(rest % phases) / P.outStepX;
  let phaseX = i32(rest % phases) % P.outStepX;
  let channel = rest / phases;
  if (channel >= P.groups * P.outChannels) { return; }
  let channelGroup = channel / P.outChannels;

  let qx = i32(segment % P.rowSegments * 4u);
  let row = segment / P.rowSegments;
  let qy = i32(row % P.rows);
  let image = row / P.rows;
  let height = i32(P.h);
  let width = i32(P.w);
  let plane = P.h * P.w;
  let source = (image * P.groups + channelGroup) * P.inChannels * plane;
  let weights = channelGroup * P.weightGroup + channel % P.outChannels * P.weightOut;

  var sum = vec4f();
  for (var ky = 0; ky < i32(P.kH); ky++) {
    let offsetY = phaseY + P.originY + ky * P.tapY;
    for (var kx = 0; kx < i32(P.kW); kx++) {
      let offsetX = phaseX + P.originX + kx * P.tapX;
      if (offsetY % P.outStepY == 0 && offsetX % P.outStepX == 0) {
        let iy = qy * P.inStepY + offsetY / P.outStepY;
        var at: array<u32, 4>;
        var inside: array<bool, 4>;
        for (var e = 0; e < 4; e++) {
          let ix = (qx + e) * P.inStepX + offsetX / P.outStepX;
          inside[e] = P.padMode != 0u || !(outside(iy, height) || outside(ix, width));
          at[e] = source + u32(padded(iy, height, P.padMode) * width + padded(ix, width, P.padMode));
        }
        for (var c = 0u; c < P.inChannels; c++) {
          let factor = f32(weight[weights + c * P.weightIn + u32(ky) * P.kW + u32(kx)]);
          for (var e = 0; e < 4; e++) { sum[e] += select(0.0, factor * f32(x[at[e] + c * plane]), inside[e]); }
        }
      }
    }
  }

  let oy = u32(qy * P.outStepY + phaseY);
  if (oy < P.oH) {
    let bias = biasAt(channel);
    let start = ((image * P.groups * P.outChannels + channel) * P.oH + oy) * P.oW;
    for (var e = 0; e < 4; e++) {
      let ox = u32((qx + e) * P.outStepX + phaseX);
      if (ox < P.oW) { y[start + ox] = T(finish(sum[e], bias, start + ox)); }
    }
  }
}
