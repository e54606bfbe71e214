import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARS = 9;
const RANDOM_BYTES = 13;

/**
 * A new identifier: prefix, creation time, 65 random bits, in Crockford's base 32, so that ids sort by creation.
 *
 * @param prefix Kind of the thing, such as `run`.
 * @param nowMs Creation time in milliseconds since the epoch.
 * @returns For example `run_1jdq8x5k2m0c4v9t7f3hzw`.
 */
export function createId(prefix: string, nowMs: number): string {
  let time = "";
  for (let rest = nowMs, i = 0; i < TIME_CHARS; i++) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let random = "";
  for (const byte of randomBytes(RANDOM_BYTES)) random += ALPHABET.charAt(byte % 32);
  return `${prefix}_${time}${random}`;
}
