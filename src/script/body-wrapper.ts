/** What the executor puts before a script's body; parsing with it gives exactly the rules the body will run under. */
export const BODY_PREFIX = "(async () => {";
/** What comes after; the line break ends a trailing comment. */
export const BODY_SUFFIX = "\n})";

/**
 * What stands before a body in the text that the isolate evaluates: `BODY_PREFIX`, and the parameter by which a script is
 * handed the tracker of its floating promises, when it has any.
 */
export function prefixOf(tracker: string | undefined): string {
  return tracker === undefined ? BODY_PREFIX : `(${tracker} => ${BODY_PREFIX}`;
}

/** The text that the isolate evaluates: an async function without parameters or, with a tracker, a function that makes it. */
export function runnableText(script: { readonly code: string; readonly tracker: string | undefined }): string {
  const { code, tracker } = script;
  return `${prefixOf(tracker)}${code}${BODY_SUFFIX}${tracker === undefined ? "" : ")"}`;
}
