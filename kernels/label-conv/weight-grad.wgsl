// Weight gradient: of every class, the sum of dy over the pixels whose tap meets it.
//
//   partial[0, slot, tap, c, o] = Σ dy[n, o, i, j]   over the slot's rows (n, i), all j, with
//                                                    labels[n, i·stride + a − top, j·stride + b − left] = c
//   partial[1, slot, tap, c, o] = Σ |dy[n, o, i, j]|  which tells how exact the sum can be
//
// A workgroup owns a tap, a slot and 4 · WG output channels; a thread owns four channels, and so all sums of their
// classes: there is nothing to race for. All threads walk along the same labels. A run of pixels of one class is summed in
// a register and added to the class's sum where it ends. labelConv.sumSlots adds the slots in their order.
@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.x;
  let taps = P.kH * P.kW;
  let vectors = (P.channels + 3u) / 4u;
  let blocks = (vectors + WG - 1u) / WG;
  var rest = groupIndex(group, groups);
  let vector = rest % blocks * WG + thread;
  rest /= blocks;
  let tap = rest % taps;
  let slot = rest / taps;
  if (slot >= P.slots || vector >= vectors) { return; }
  let own = (slot * taps + tap) * P.classes * vectors + vector;
  let sizes = own + P.slots * taps * P.classes * vectors;
  for (var c = 0u; c < P.classes; c++) {
    partial[own + c * vectors] = vec4f();
    partial[sizes + c * vectors] = vec4f();
  }

  let a = tap / P.kW;
  let shiftY = i32(a) - P.top;
  let shiftX = i32(tap - a * P.kW) - P.left;
  let end = min((slot + 1u) * P.slotRows, P.n * P.oH);
  let steps = P.oW / LANES; // of a row
  // the last channel stands in for those past it; their sums are never read
  let plane = min(4u * vector + vec4u(0u, 1u, 2u, 3u), vec4u(P.channels - 1u)) * P.oH * steps;
  var current = P.classes; // the class of the run; P.classes where it has none
  var sum = vec4f();
  var size = vec4f();
  for (var row = slot * P.slotRows; row < end; row++) {
    let image = row / P.oH;
    let oy = row - image * P.oH;
    let iy = i32(oy * P.strideY) + shiftY;
    if (iy >= 0 && iy < i32(P.h)) {
      let labelRow = (image * P.h + u32(iy)) * P.w;
      let dyRow = (image * P.channels * P.oH + oy) * steps;
      for (var step = 0u; step < steps; step++) {
        let at = plane + dyRow + step;
        let gradients = array<V, 4>(V(dy[at.x]), V(dy[at.y]), V(dy[at.z]), V(dy[at.w]));
        for (var e = 0u; e < LANES; e++) {
          let ix = i32((step * LANES + e) * P.strideX) + shiftX;
          let inside = ix >= 0 && ix < i32(P.w);
          let label = min(labels[labelRow + u32(clamp(ix, 0, i32(P.w) - 1))], P.classes);
          let met = select(P.classes, label, inside);
          if (met != current) {
            if (current < P.classes) {
              partial[own + current * vectors] += sum;
              partial[sizes + current * vectors] += size;
            }
            current = met;
            sum = vec4f();
            size = vec4f();
          }
          let g = vec4f(lane(gradients[0], e), lane(gradients[1], e), lane(gradients[2], e), lane(gradients[3], e));
          sum += g;
          size += abs(g);
        }
      }
    }
  }
  if (current < P.classes) {
    partial[own + current * vectors] += sum;
    partial[sizes + current * vectors] += size;
  }
}
