import type { AddedFormat } from "ajv/dist/types/index.js";
import { fullFormats } from "ajv-formats/dist/formats.js";

/** Longest text a format is tested on: the regular expressions of some take time quadratic in its length. */
const MAX_FORMAT_LENGTH = 1_024;

/** The formats that schemas may name. Texts that are too long pass untested; the tool has the last word on them. */
export const SCHEMA_FORMATS: Readonly<Record<string, AddedFormat>> = Object.freeze({
  ...Object.fromEntries(Object.entries(fullFormats).map(([name, format]) => [name, boundFormat(format)])),
  url: isAbsoluteUrl,
  uri: isAbsoluteUrl,
});

function isAbsoluteUrl(text: string): boolean {
  return URL.canParse(text);
}

function boundFormat(format: unknown): AddedFormat {
  if (format instanceof RegExp) return (text: string) => text.length > MAX_FORMAT_LENGTH || format.test(text);
  if (typeof format === "function") return boundTest(format as (text: string) => boolean);
  const { type, validate } = format as { readonly type?: "number"; readonly validate?: unknown };
  if (type === "number") return format as AddedFormat;
  return typeof validate === "function" ? boundTest(validate as (text: string) => boolean) : true;
}

function boundTest(test: (text: string) => boolean): (text: string) => boolean {
  return (text) => text.length > MAX_FORMAT_LENGTH || test(text);
}
