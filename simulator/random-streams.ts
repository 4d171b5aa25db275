/** A stream of uniform numbers in [0, 1). */
export type Stream = () => number;

/** The generator mulberry32, which has 32 bits of state. */
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

/** The 32-bit hash FNV-1a over the characters of the text. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * The stream of one seed and purpose. Each purpose has a stream of its own, so that drawing more numbers for one purpose does not change
 * the others.
 *
 * Example: streamOf(1, "arrival") draws the arrivals and streamOf(1, "risk") the risks. Other arrivals leave the risks as they are.
 */
export const streamOf = (seed: number, purpose: string): Stream => {
  const stream = mulberry32(hash32(`${seed}/${purpose}`));
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 8; i++) stream();
  return stream;
};

/** Draws from the standard normal distribution, by the Box–Muller transform. */
export const normal = (stream: Stream): number =>
  Math.sqrt(-2 * Math.log(1 - stream())) * Math.cos(2 * Math.PI * stream());

/** Draws from the exponential distribution with the given mean. */
export const exponential = (stream: Stream, mean: number): number => -mean * Math.log(1 - stream());
