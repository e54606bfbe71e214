/** A member of the described API that this version does not have. */
export interface UnsupportedMember {
  /** JSON pointer into the body of `POST /run`. */
  readonly pointer: string;
  /** What to do without it. */
  readonly instead: string;
}

/** All of them: such a member is refused, never ignored, since its sender counts on what it asks for. */
const UNSUPPORTED: readonly UnsupportedMember[] = [
  { pointer: "/answer", instead: "leave it out and read `result`" },
  { pointer: "/model", instead: "the operator's configuration names the model" },
];

/**
 * Why a part of the body of `POST /run` is refused although the API describes it.
 *
 * @param pointer JSON pointer of the part.
 * @returns `undefined` when the part is not one of those.
 */
export function unsupportedReason(pointer: string): string | undefined {
  const entry = UNSUPPORTED.find((known) => known.pointer === pointer);
  return entry === undefined ? undefined : `is not supported by this version; ${entry.instead}`;
}
