// weight-grad.wgsl for GPUs: a workgroup owns TAPS neighbouring taps, a slot and 32 output channels. All threads bring
// PIXELS pixels of all channels into workgroup memory at a time, and the classes that the taps meet there; then a thread for
// each tap and channel walks along them. Gradients are read in whole lines, many at once, for several taps.
const CHANNELS: u32 = 32u;
const THREADS: u32 = CHANNELS * TAPS;
const PIXELS: u32 = 64u;
const ROUND: u32 = THREADS / PIXELS; // channels that all threads read at once
const OWN: u32 = CHANNELS / ROUND; // values that a thread reads: 8 or 16
const PITCH: u32 = CHANNELS + 1u;
var<workgroup> tile: array<f32, PIXELS * PITCH>;
var<workgroup> met: array<u32, PIXELS * TAPS>;

// Gradients of four channels ROUND apart. No loop and no variable index: some compilers would keep an array in memory. The
// last channel stands in for those past it; their sums are never read.
fn fourAt(image: u32, place: u32, channel0: u32, o: u32) -> vec4f {
  let channels = min(vec4u(channel0 + o) + vec4u(0u, ROUND, 2u * ROUND, 3u * ROUND), vec4u(P.channels - 1u));
  let at = (image * P.channels + channels) * P.oH * P.oW + place;
  return vec4f(f32(dy[at.x]), f32(dy[at.y]), f32(dy[at.z]), f32(dy[at.w]));
}

fn keepFour(at: u32, gradients: vec4f) {
  tile[at] = gradients.x;
  tile[at + ROUND] = gradients.y;
  tile[at + 2u * ROUND] = gradients.z;
  tile[at + 3u * ROUND] = gradients.w;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let taps = P.kH * P.kW;
  let stride = (P.channels + 3u) / 4u * 4u;
  let blocks = (P.channels + CHANNELS - 1u) / CHANNELS;
  let tapGroups = (taps + TAPS - 1u) / TAPS;
  var rest = groupIndex(group, groups);
  let channel0 = rest % blocks * CHANNELS;
  rest /= blocks;
  let tap0 = rest % tapGroups * TAPS;
  let slot = rest / tapGroups;
  if (slot >= P.slots) { return; } // uniform across the workgroup

  let tap = tap0 + thread / CHANNELS;
  let channel = channel0 + thread % CHANNELS;
  let owns = tap < taps && channel < P.channels;
  let own = (slot * taps + tap) * P.classes * stride + channel;
  let sizes = own + P.slots * taps * P.classes * stride;
  if (owns) {
    for (var c = 0u; c < P.classes; c++) {
      partial[own + c * stride] = 0.0;
      partial[sizes + c * stride] = 0.0;
    }
  }

  let plane = P.oH * P.oW;
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH) * P.oW;
  var current = P.classes; // the class of the run; P.classes where it has none
  var sum = 0.0;
  var size = 0.0;
  for (var p0 = slot * P.slotRows * P.oW; p0 < end; p0 += PIXELS) {
    let pixel = min(p0 + thread % PIXELS, end - 1u);
    let image = pixel / plane;
    let place = pixel - image * plane;
    let own0 = fourAt(image, place, channel0, thread / PIXELS);
    let own4 = fourAt(image, place, channel0, thread / PIXELS + 4u * ROUND);
    var own8: vec4f;
    var own12: vec4f;
    if (OWN == 16u) {
      own8 = fourAt(image, place, channel0, thread / PIXELS + 8u * ROUND);
      own12 = fourAt(image, place, channel0, thread / PIXELS + 12u * ROUND);
    }
    let oy = place / P.oW;
    let corner = vec2i(vec2u(place - oy * P.oW, oy) * vec2u(P.strideX, P.strideY)) - vec2i(P.left, P.top);
    for (var seen = thread / PIXELS; seen < TAPS; seen += ROUND) {
      let a = (tap0 + seen) / P.kW; // past the last tap, too: rows of the map below it, which nobody looks at
      let b = tap0 + seen - a * P.kW;
      met[seen * PIXELS + thread % PIXELS] = classAt(image, corner + vec2i(vec2u(b, a)));
    }
    let to = thread % PIXELS * PITCH + thread / PIXELS;
    keepFour(to, own0);
    keepFour(to + 4u * ROUND, own4);
    if (OWN == 16u) {
      keepFour(to + 8u * ROUND, own8);
      keepFour(to + 12u * ROUND, own12);
    }
    workgroupBarrier();
    if (owns) {
      for (var j = 0u; j < min(PIXELS, end - p0); j++) {
        let seen = met[thread / CHANNELS * PIXELS + j];
        if (seen != current) {
          if (current < P.classes) {
            partial[own + current * stride] += sum;
            partial[sizes + current * stride] += size;
          }
          current = seen;
          sum = 0.0;
          size = 0.0;
        }
        let g = tile[j * PITCH + thread % CHANNELS];
        sum += g;
        size += abs(g);
      }
    }
    workgroupBarrier();
  }
  if (owns && current < P.classes) {
    partial[own + current * stride] += sum;
    partial[sizes + current * stride] += size;
  }
}
