/** The names a script sees beside the language's own: told to those who try to import something. */
export const SCRIPT_GLOBALS: readonly string[] = [
  "mcp",
  "input",
  "console",
  "setTimeout",
  "clearTimeout",
  "structuredClone",
  "URL",
  "URLSearchParams",
  "TextEncoder",
  "TextDecoder",
  "atob",
  "btoa",
  "AbortController",
  "crypto.randomUUID",
  "emit",
];
