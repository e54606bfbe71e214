import { defineProperty, tagSymbol } from "./primordials.ts";
import type { After } from "./web-abort.ts";
import { loadWeb } from "./web-loaders.ts";
import { loadUrl } from "./web-url-loaders.ts";

/** Web globals that scripts have besides the language. */
export const WEB_NAMES = [
  "AbortController",
  "AbortSignal",
  "DOMException",
  "Event",
  "EventTarget",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "URLSearchParams",
  "atob",
  "btoa",
  "structuredClone",
] as const;

/** Name of a web global. */
export type WebName = (typeof WEB_NAMES)[number];

type Values = Readonly<Record<string, unknown>>;

/**
 * Values of the web globals, each made when it is first asked for, and their code not even compiled before: a script that
 * needs none pays for none.
 *
 * @param after Sets a timer for `AbortSignal.timeout`.
 */
export function createWebGlobals(after: After): (name: WebName) => unknown {
  let web: Values | undefined;
  let url: Values | undefined;
  return (name) => {
    const isUrl = name === "URL" || name === "URLSearchParams";
    if (isUrl) url ??= loadUrl();
    else web ??= loadWeb(after);
    return named((isUrl ? url : web)?.[name] as object, name);
  };
}

/** Gives a function and its instances the name that the bundler took from it. */
function named(value: object, name: string): unknown {
  defineProperty(value, "name", { __proto__: null, value: name, configurable: true } as PropertyDescriptor);
  const { prototype } = value as { readonly prototype?: unknown };
  if (typeof prototype === "object" && prototype !== null) {
    defineProperty(prototype, tagSymbol, { __proto__: null, value: name, configurable: true } as PropertyDescriptor);
  }
  return value;
}
