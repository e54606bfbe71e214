/**
 * Freezes a JSON value all the way down, so that several may hold it; what is frozen already is not looked into. Takes no
 * stack: the value may be nested as deep as it likes.
 *
 * @returns The value itself.
 */
export function freezeDeep<T>(value: T): T {
  const open: unknown[] = [value];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (typeof item !== "object" || item === null || Object.isFrozen(item)) continue;
    Object.freeze(item);
    for (const member of Object.values(item)) if (typeof member === "object" && member !== null) open.push(member);
  }
  return value;
}
