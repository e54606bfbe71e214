import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";

/** Where a value is in the configuration: keys and list positions from the root. */
export type KeyPath = readonly (string | number)[];

/** Where a value comes from. `line` is 1-based and only known for files. */
export type Source =
  | { readonly kind: "flag" | "environment"; readonly name: string }
  | { readonly kind: "file"; readonly name: string; readonly line: number | undefined }
  | { readonly kind: "default" };

/** One fault of the configuration. */
export interface ConfigProblem {
  /** The whole fault in one or two sentences, the remedy included. */
  readonly message: string;
  /** The last part of the message, where it is known by itself. */
  readonly remedy?: string;
  /** Key path as text; empty when the fault is not of one key. */
  readonly key: string;
  /** The file as it was named, when the value is from a file. */
  readonly file?: string;
  readonly line?: number;
}

/** What `problemOf` puts into words. */
export interface Fault {
  readonly path: KeyPath;
  /** Completes "as it …", for example `must be a whole number`. */
  readonly rule: string;
  /** The value as it may be shown. */
  readonly current: string;
  readonly remedy: string;
}

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/u;

/** A key path as people write it: `mcpServers.files.args[0]`, `clients["a.b"].key`. */
export function pathText(path: KeyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!PLAIN_KEY.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** A source in a few words: `runlet.yaml:3`, `environment RUNLET_PORT`, `flag --port`, `default`. */
export function sourceText(source: Source): string {
  switch (source.kind) {
    case "file":
      return source.line === undefined ? source.name : `${source.name}:${source.line}`;
    case "environment":
      return `environment ${source.name}`;
    case "flag":
      return `flag --${source.name}`;
    case "default":
      return "default";
    default:
      return source satisfies never;
  }
}

/** Puts a fault of one key into words. */
export function problemOf({ path, rule, current, remedy }: Fault, source: Source | undefined): ConfigProblem {
  const key = pathText(path);
  const where = source === undefined || source.kind === "default" ? "" : ` (${sourceText(source)})`;
  const message = `Cannot use ${key === "" ? "the configuration" : key}${where} as it ${rule}: current value is ${current}. ${remedy}`;
  if (source?.kind !== "file") return { message, remedy, key };
  return { message, remedy, key, file: source.name, ...(source.line === undefined ? {} : { line: source.line }) };
}

/**
 * All faults of a configuration as one error; `details.problems` holds each `ConfigProblem`.
 *
 * @param problems At least one.
 */
export function configError(problems: readonly ConfigProblem[]): RunletError {
  const [first] = problems;
  const message =
    problems.length === 1 && first !== undefined
      ? first.message
      : `Cannot use the configuration: ${problems.length} problems\n${problems.map((problem) => `- ${problem.message}`).join("\n")}`;
  return new RunletError("CONFIG_INVALID", message, {
    details: { problems },
    hint: "Mend the configuration, then try it with `runlet config check`.",
  });
}

/** The faults that a `configError` holds; a fault of no key where it holds none. */
export function problemsOf(error: RunletError): readonly ConfigProblem[] {
  const { details } = error.context;
  const problems: readonly unknown[] =
    isRecord(details) && Array.isArray(details["problems"]) ? details["problems"] : [];
  const known = problems.filter(isProblem);
  return known.length > 0 ? known : [{ message: error.message, key: "" }];
}

function isProblem(value: unknown): value is ConfigProblem & Record<string, unknown> {
  return isRecord(value) && typeof value["message"] === "string" && typeof value["key"] === "string";
}
