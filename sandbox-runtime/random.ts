import {
  isView,
  stringIndexOf,
  stringSlice,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayOffset,
  typedArrayTag,
  Uint8ArrayCtor,
} from "./primordials.ts";
import { domException } from "./web-dom-exception.ts";

const HEX = "0123456789abcdef";
const MAX_RANDOM_BYTES = 65_536;

/** Four unsigned 32-bit integers. */
export type Seed = readonly [number, number, number, number];

/**
 * Unsigned 32-bit integers that follow from a seed.
 *
 * @source sfc32, a generator of C. Doty-Humphrey's PractRand
 */
function createGenerator(seed: Seed): () => number {
  let [a, b, c, counter] = seed;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/**
 * The members of `Math` that follow from a seed. `random` has 53 random bits, 0 ≤ value < 1; they are other numbers than
 * those of `crypto` of the same seed, and drawing from one does not move the other on.
 */
export function createRandom([a, b, c, d]: Seed): { readonly random: () => number } {
  const next = createGenerator([~a, ~b, ~c, ~d]);
  return { random: () => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992 };
}

/**
 * The global `crypto`, as far as scripts have it. Numbers come from the run's seed: they are unique, and they are not a
 * source of secrets.
 *
 * @source UUID layout: RFC 9562 §5.4
 */
export function createCrypto(seed: Seed): Readonly<Record<string, unknown>> {
  const next = createGenerator(seed);
  const byte = (): number => (next() >>> 11) & 255;
  return {
    randomUUID(): string {
      let text = "";
      for (let i = 0; i < 16; i++) {
        let value = byte();
        if (i === 6) value = (value & 15) | 64;
        if (i === 8) value = (value & 63) | 128;
        text += stringSlice(HEX, value >> 4, (value >> 4) + 1) + stringSlice(HEX, value & 15, (value & 15) + 1);
        if (i === 3 || i === 5 || i === 7 || i === 9) text += "-";
      }
      return text;
    },
    getRandomValues(view: unknown): unknown {
      const tag = isView(view) ? typedArrayTag(view) : undefined;
      if (tag === undefined || stringIndexOf(tag, "Float") === 0)
        throw domException("Cannot fill the argument: it must be an integer typed array", "TypeMismatchError");
      const length = typedArrayByteLength(view);
      if (length > MAX_RANDOM_BYTES)
        throw domException(
          `Cannot fill more than ${MAX_RANDOM_BYTES} bytes at once: ${length} were asked for`,
          "QuotaExceededError",
        );
      const bytes = new Uint8ArrayCtor(typedArrayBuffer(view), typedArrayOffset(view), length);
      for (let i = 0; i < length; i++) bytes[i] = byte();
      return view;
    },
  };
}
