/** What the executor puts before a script's body; parsing with it gives exactly the rules the body will run under. */
export const BODY_PREFIX = "(async () => {";
/** What comes after; the line break ends a trailing comment. */
export const BODY_SUFFIX = "\n})";
