import { defineProperty, objectKeys, tagSymbol } from "./primordials.ts";
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
    if (isUrl) url ??= named(loadUrl());
    else web ??= named(loadWeb(after));
    return (isUrl ? url : web)?.[name];
  };
}

/** Gives functions and their instances the names that the bundler took from them. */
function named(values: Values): Values {
  const names = objectKeys(values);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = values[name] as { readonly prototype?: unknown };
    const asName = { __proto__: null, value: name, configurable: true } as PropertyDescriptor;
    defineProperty(value, "name", asName);
    if (typeof value.prototype === "object" && value.prototype !== null)
      defineProperty(value.prototype, tagSymbol, asName);
  }
  return values;
}
