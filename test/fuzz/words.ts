/** Parts of random programs that are words: see `vocabulary.ts`. */
export const WORDS: Readonly<Record<string, readonly string[]>> = {
  number: words(
    "0 -0 1 -1 3 0.5 NaN Infinity -Infinity 255 65536 2**31 2**32 2**53 1e308 5e-324 4294967295 -2147483648",
  ),
  large: ["1e5", "1e6", "1e7", "1e8", "2**28", "2**29 - 24", "2**30", "2**32 - 1"],
  large2: ["1000", "100000", "10000000", "1000000000"],
  count: ["0", "1", "3", "10", "64", "65", "200", "1000"],
  bigint: ["0n", "-1n", "2n ** 64n", "123456789012345678901234567890n"],
  text: [
    "''",
    "'a'",
    "'length'",
    "'__proto__'",
    "'constructor'",
    "'then'",
    "'\\ud800'",
    "'\\udfff\\ud800'",
    "'\\u0000\\u2028\\ufeff'",
    "'äöü🙂'",
    "'https://user:p@ex.ample:8080/a/../b?q=1#h'",
    "'file:///etc/passwd'",
    "'xn--ls8h.example'",
    "'http://[::1]:99999/'",
    "'en-US-u-ca-islamic'",
    "'utf-16le'",
    "'%s %d %o %j %%'",
    "'[{\"a\":1}]'",
    "'{\"__proto__\":null}'",
    "'aGVsbG8='",
    "'script.js:1:1'",
    "'*/ ${ x } `'",
    "'process'",
    "'\\n    at script.js:1:9999999'",
  ],
  source: [
    "'return this'",
    "'return mcp'",
    "'a +'",
    "'throw a'",
    "'arguments.callee'",
    "'var x = 1; x'",
    "'await 1'",
    "'import(\\'node:fs\\')'",
    "{text}",
    "'return globalThis.constructor.constructor(\"return this\")()'",
  ],
  bytes: [
    "new Uint8Array(4)",
    "new Uint8Array([0xff, 0xfe, 0xed, 0xa0, 0x80])",
    "new Float64Array([NaN, -0, 1e308])",
    "new ArrayBuffer(16)",
    "new BigInt64Array(2)",
    "new Uint8ClampedArray(3)",
  ],
  iterable: [
    "[1, 2, 3]",
    "'ab🙂'",
    "new Map([[1, 2]])",
    "new Set([1, 3])",
    "{expr}",
    "(function* () { yield 1; yield {gen:expr}; })()",
    "Object.entries({expr} ?? {})",
  ],
  operator: [
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "<",
    ">=",
    "==",
    "!==",
    "&&",
    "||",
    "??",
    "&",
    "|",
    "^",
    "<<",
    ">>>",
    "in",
    "instanceof",
  ],
  key: words(
    "a length constructor prototype __proto__ then toJSON name message stack cause valueOf toString size " +
      "caller arguments __defineGetter__",
  ),
  key2: ["a", "b", "then", "toJSON", "valueOf", "toString", "length", "name", "message", "stack"],
  key3: [
    "a",
    "b",
    "length",
    "then",
    "'x y'",
    "0",
    "[Symbol.toStringTag]",
    "[Symbol.isConcatSpreadable]",
    "constructor",
  ],
  method: words(
    "map filter reduce forEach push pop splice slice concat flat flatMap sort join indexOf includes find " +
      "at fill copyWithin entries toSorted with set get has delete add then catch finally call apply bind " +
      "toString split replaceAll match normalize padStart repeat codePointAt localeCompare append subarray " +
      "next return throw",
  ),
  objectMethod: words(
    "keys entries assign freeze create defineProperty getOwnPropertyDescriptors fromEntries " +
      "setPrototypeOf getPrototypeOf seal is values",
  ),
  reflectMethod: words(
    "ownKeys get set has apply construct defineProperty deleteProperty getPrototypeOf setPrototypeOf",
  ),
  combinator: ["all", "race", "any", "allSettled"],
  settle: ["resolve", "reject", "resolve", "void"],
  trap: words(
    "get set has ownKeys getOwnPropertyDescriptor defineProperty deleteProperty apply construct " +
      "getPrototypeOf isExtensible",
  ),
  level: [
    "log",
    "info",
    "warn",
    "error",
    "debug",
    "trace",
    "table",
    "dir",
    "group",
    "groupEnd",
    "time",
    "timeEnd",
    "count",
    "assert",
  ],
  intl: words(
    "NumberFormat DateTimeFormat Collator PluralRules ListFormat Segmenter RelativeTimeFormat DisplayNames Locale",
  ),
  intlMethod: ["format", "formatToParts", "resolvedOptions", "compare", "select", "segment", "of", "maximize"],
  urlKey: ["href", "searchParams", "host", "origin", "toString()", "pathname"],
  builtin: words(
    "Object Array Function String Number Boolean Symbol BigInt Date RegExp Error TypeError Map Set " +
      "WeakMap WeakSet Promise Proxy Uint8Array ArrayBuffer DataView URL URLSearchParams Headers " +
      "TextDecoder TextEncoder AbortController Event EventTarget DOMException ToolError Iterator parseInt " +
      "escape decodeURIComponent structuredClone",
  ),
  global: words(
    "mcp console emit input setTimeout process require global self window Promise Object Array JSON " +
      "Reflect Math eval Function WebAssembly SharedArrayBuffer Atomics crypto performance fetch ToolError " +
      "undefined globalThis Deno module",
  ),
};

function words(text: string): readonly string[] {
  return text.split(" ");
}
