// The class that a tap meets: P.classes outside of the map, and for labels past the classes.
fn classAt(image: u32, place: vec2i) -> u32 {
  let size = vec2i(vec2u(P.w, P.h));
  let inside = all(place >= vec2i(0)) && all(place < size);
  let nearest = vec2u(clamp(place, vec2i(0), size - 1));
  return select(P.classes, min(labels[(image * P.h + nearest.y) * P.w + nearest.x], P.classes), inside);
}
