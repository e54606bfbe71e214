const DURATION_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

const BYTES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["k", 1024],
  ["m", 1024 ** 2],
  ["g", 1024 ** 3],
]);

const DURATION_PART = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*/gu;

/**
 * A duration as people write it, in whole milliseconds.
 *
 * @param value Milliseconds as a number or digits, or text such as `"30s"`, `"5m"`, `"1h30m"`.
 * @returns `undefined` when it is not a duration.
 */
export function parseDuration(value: number | string): number | undefined {
  if (typeof value === "number") return whole(value);
  const text = value.trim().toLowerCase();
  if (/^\d+$/u.test(text)) return whole(Number(text));
  let total = 0;
  let end = 0;
  for (const match of text.matchAll(DURATION_PART)) {
    if (match.index !== end) return undefined;
    total += Number(match[1]) * (DURATION_MS.get(match[2] ?? "") ?? Number.NaN);
    end = match.index + match[0].length;
  }
  return end > 0 && end === text.length ? whole(total) : undefined;
}

/**
 * A size as people write it, in whole bytes; `k`, `m` and `g` count in steps of 1024, with or without `b` or `ib`.
 *
 * @param value Bytes as a number or digits, or text such as `"512k"`, `"4m"`, `"4 MiB"`.
 * @returns `undefined` when it is not a size.
 */
export function parseBytes(value: number | string): number | undefined {
  if (typeof value === "number") return whole(value);
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/u.exec(value.trim().toLowerCase());
  const unit = BYTES.get(match?.[2] ?? "");
  return match === null || unit === undefined ? undefined : whole(Number(match[1]) * unit);
}

/** A whole number as people write it. @returns `undefined` when it is not one. */
export function parseCount(value: number | string): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return /^\d+$/u.test(value.trim()) ? whole(Number(value)) : undefined;
}

/** A duration in the largest unit that leaves a whole number: `90000` → `"90s"`. */
export function formatDuration(ms: number): string {
  return inLargestUnit(ms, DURATION_MS);
}

/** A size in the largest unit that leaves a whole number: `4194304` → `"4m"`. */
export function formatBytes(bytes: number): string {
  return inLargestUnit(bytes, BYTES);
}

function inLargestUnit(value: number, units: ReadonlyMap<string, number>): string {
  let best = String(value);
  for (const [unit, size] of units) if (value !== 0 && value % size === 0) best = `${value / size}${unit}`;
  return best;
}

function whole(value: number): number | undefined {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded) && value >= 0 ? rounded : undefined;
}
