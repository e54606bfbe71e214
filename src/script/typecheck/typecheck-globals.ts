/** Globals of a script beside the language's own and `mcp`; those that are classes are types as well. */
const VALUES = [
  "input",
  "console",
  "emit",
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
  "setImmediate",
  "clearImmediate",
  "queueMicrotask",
  "structuredClone",
  "atob",
  "btoa",
  "crypto",
] as const;
const CLASSES = [
  "URL",
  "URLSearchParams",
  "TextEncoder",
  "TextDecoder",
  "AbortController",
  "AbortSignal",
  "DOMException",
  "Event",
  "EventTarget",
  "ToolError",
] as const;

/**
 * Declares the globals of a script for a type checker. Each is `any`: that a name is there is what matters, and what it is
 * given can be of more types than could be told.
 */
export const GLOBAL_DECLARATIONS = [
  ...VALUES.map((name) => `declare var ${name}: any;`),
  ...CLASSES.map((name) => `declare var ${name}: any; type ${name} = any;`),
  "",
].join("\n");
