// label-conv.wgsl for GPUs: a workgroup owns PIXELS neighbouring pixels of 4 · BLOCK output channels. The threads that read a
// row of the table are neighbours, so that it comes in whole lines, and their pixel's class is one for all. The sums
// change places in workgroup memory, and planes of y are written in whole lines, too.
const PIXELS: u32 = 32u;
const CHANNELS: u32 = 4u * BLOCK;
const ROUND: u32 = WG / BLOCK; // pixels that all threads take at once
const PITCH: u32 = PIXELS + 1u;
const MIXED: u32 = 0xffffffffu;
var<workgroup> wholes: array<u32, PIXELS>; // the class of a whole window
var<workgroup> tile: array<f32, CHANNELS * PITCH>;

struct Place { image: u32, inPlane: u32, corner: vec2i }

fn placeOf(pixel: u32) -> Place {
  let plane = P.oH * P.oW;
  let image = pixel / plane;
  let inPlane = pixel - image * plane;
  let oy = inPlane / P.oW;
  let corner = vec2i(vec2u(inPlane - oy * P.oW, oy) * vec2u(P.strideX, P.strideY)) - vec2i(P.left, P.top);
  return Place(image, inPlane, corner);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let pixels = P.n * P.oH * P.oW;
  let blocks = P.vectors / BLOCK;
  let index = groupIndex(group, groups);
  let first = index % blocks * BLOCK; // vector of channels
  let pixel0 = index / blocks * PIXELS;
  if (pixel0 >= pixels) { return; } // uniform across the workgroup
  let classes = P.classes + 1u;

  if (thread < PIXELS) {
    let place = placeOf(min(pixel0 + thread, pixels - 1u));
    let class0 = classAt(place.image, place.corner);
    var same = true;
    for (var a = 0u; a < P.kH; a++) {
      for (var b = 0u; b < P.kW; b++) {
        same = same & (classAt(place.image, place.corner + vec2i(vec2u(b, a))) == class0);
      }
    }
    wholes[thread] = select(MIXED, class0, same);
  }
  workgroupBarrier();

  let vector = first + thread % BLOCK;
  for (var own = thread / BLOCK; own < PIXELS; own += ROUND) {
    let whole = wholes[own];
    var sum = table[(P.kH * P.kW * classes + select(whole, P.classes, whole == MIXED)) * P.vectors + vector];
    if (whole == MIXED) {
      let place = placeOf(min(pixel0 + own, pixels - 1u));
      for (var a = 0u; a < P.kH; a++) {
        for (var b = 0u; b < P.kW; b++) {
          let met = classAt(place.image, place.corner + vec2i(vec2u(b, a)));
          sum += table[((a * P.kW + b) * classes + met) * P.vectors + vector];
        }
      }
    }
    let to = thread % BLOCK * 4u * PITCH + own;
    tile[to] = sum.x;
    tile[to + PITCH] = sum.y;
    tile[to + 2u * PITCH] = sum.z;
    tile[to + 3u * PITCH] = sum.w;
  }
  workgroupBarrier();

  let own = thread % PIXELS;
  let place = placeOf(pixel0 + own);
  if (pixel0 + own >= pixels) { return; }
  for (var o = thread / PIXELS; o < CHANNELS; o += WG / PIXELS) {
    let channel = 4u * first + o;
    if (channel < P.channels) {
      let to = (place.image * P.channels + channel) * P.oH * P.oW + place.inPlane;
      y[to] = T(activate(residualAt(to) + tile[o * PITCH + own], P.curve, P.slope));
    }
  }
}
