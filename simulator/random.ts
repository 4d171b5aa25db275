/** A stream of uniform numbers in [0, 1). */
export type Stream = () => number;

/** mulberry32: 32 bits of state, one stream per seed. */
function mulberry32(seed: number): Stream {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a over the characters: 32 bits. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** One stream per seed and purpose, so that changing what one is used for leaves the others alone. */
export const streamOf = (seed: number, purpose: string): Stream => {
  const stream = mulberry32(hash32(`${seed}/${purpose}`));
  // Neighbouring seeds of mulberry32 are alike at first.
  for (let i = 0; i < 8; i++) stream();
  return stream;
};

/** Standard normal, by Box and Muller. */
export const normal = (stream: Stream): number =>
  Math.sqrt(-2 * Math.log(1 - stream())) * Math.cos(2 * Math.PI * stream());

/** Exponential with this mean. */
export const exponential = (stream: Stream, mean: number): number => -mean * Math.log(1 - stream());
