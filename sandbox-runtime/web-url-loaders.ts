import { URLSearchParams } from "./web-search-params.ts";
import { URL } from "./web-url.ts";

/** The globals for URLs, by name. The bundler makes this module a text of its own: it is the largest part. */
export function loadUrl(): Readonly<Record<string, unknown>> {
  return { URL, URLSearchParams };
}
