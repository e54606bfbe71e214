import type { Catalog } from "../../catalog/catalog.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorInfo } from "../../lib/errors.ts";
import type { ErrorInfo } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { PreparedScript } from "../prepare.ts";
import { snippet } from "../source-position.ts";
import { usedNamespaces } from "./typecheck-namespaces.ts";
import { CompilerPool } from "./typecheck-pool.ts";
import type { CompilerDiagnostic } from "./typecheck-projects.ts";
import { createLookUp, toolAt } from "./typecheck-places.ts";
import { counts, decidingReason, isMisfit } from "./typecheck-rules.ts";
import { readSyntax } from "./typecheck-syntax.ts";
import type { CheckableScript } from "./typecheck-text.ts";

/** What a check of a script's types found. */
export type TypeCheck =
  /** `error` is `undefined` when nothing was found. */
  | { readonly status: "checked"; readonly error: ErrorInfo | undefined }
  /** It says nothing of the script. `reason` goes after "as". */
  | { readonly status: "givenUp"; readonly reason: string };

/** Checks the types of scripts. */
export interface TypeChecker {
  /**
   * Compares a script with what its tools take and give, and with the names there are.
   *
   * Tells only what must fail when the place is reached, five places at most, as one SCRIPT_TYPE_ERROR. Bounded in time; of one
   * owner one script is checked at a time, and owners take turns.
   *
   * @param catalog As the script will see it.
   * @throws The signal's reason when it aborts first.
   */
  check(script: PreparedScript, catalog: Catalog, owner: string, signal: AbortSignal): Promise<TypeCheck>;
  /** Ids of the compiler's processes there are now. */
  pids(): readonly number[];
  /** Ends the compilers; checks under way are given up. Safe to call twice. */
  close(): Promise<void>;
}

/** Options of a type checker. */
export interface TypeCheckerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For one check, the start of a process included. @default 3000 */
  readonly timeoutMs?: number;
  /** Compiler processes at most. @default 2 */
  readonly processes?: number;
}

/** One place that must fail. */
interface Found {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** TypeScript's number of the diagnostic. */
  readonly tsCode: number;
  /** Signature of the tool it has to do with. */
  readonly stub?: string;
}

const MAX_TOLD = 5;
/** A text with more is none that somebody meant as a script. */
const MAX_JUDGED = 200;
const MAX_MESSAGE = 400;
/** Declarations that a compiler reads in less than half a second, cold. @source measured: 482 tools have 0.4 MiB and take 0.2 s */
const MAX_DECLARATIONS = 2 * 1024 * 1024;
const MAX_TOOLS = 1_000;
const MAX_STUBS = 3;
/** Of a script, to tell what it might have to do with. */
const MAX_CALLS = 50;
/** What they say is in the reason they give; that the other overloads do not fit either is of no use to anybody. */
const ABOUT_OVERLOADS = new Set([2769, 2770]);

/**
 * Makes a type checker that has TypeScript's native compiler in processes of its own: started at the first check, killed when
 * a text takes them too long, and shown no file but the declarations.
 *
 * @source measured on two cores, a script of 30 lines, declarations of 1 and of 16 servers: warm 4 and 9 ms against 23 and 32 for
 * TypeScript 6.0's JavaScript API, cold 260 and 200 ms against 650 and 1180, 38 to 60 MiB of memory against 170; each is 24 to 31 MB on
 * disk.
 */
export function createTypeChecker(options: TypeCheckerOptions): TypeChecker {
  const pool = new CompilerPool(options);
  return {
    async check(script, catalog, owner, signal) {
      const checkable = script.checkable();
      if (checkable === undefined) return { status: "givenUp", reason: "its syntax tree is too large for that" };
      const declarations = declarationsFor(checkable, catalog);
      if (declarations === undefined) return { status: "givenUp", reason: "it would need the types of too many tools" };
      const { text, language } = checkable;
      const outcome = await pool.diagnose({ declarations, text, language }, owner, signal);
      if (outcome.status === "givenUp") return outcome;
      const { diagnostics = [] } = outcome;
      const found = diagnostics.length === 0 ? [] : judge(diagnostics, checkable, catalog, declarations);
      return { status: "checked", error: toError(script, found, catalog) };
    },
    pids: () => pool.pids(),
    close: () => pool.close(),
  };
}

function declarationsFor({ tree }: CheckableScript, catalog: Catalog): string | undefined {
  const namespaces = usedNamespaces(tree.root, catalog);
  if (namespaces === undefined && catalog.tools.length > MAX_TOOLS) return undefined;
  const text = catalog.checkingDeclarations(namespaces);
  return text.length > MAX_DECLARATIONS ? undefined : text;
}

function judge(
  diagnostics: readonly CompilerDiagnostic[],
  script: CheckableScript,
  catalog: Catalog,
  declarations: string,
): readonly Found[] {
  const syntax = readSyntax(script.tree.root);
  const placed = diagnostics.slice(0, MAX_JUDGED).flatMap((diagnostic) => {
    const offset = script.toTree(diagnostic.start);
    return offset === undefined ? [] : [{ diagnostic, offset }];
  });
  const about = { syntax, catalog, declarations, lookUp: createLookUp(catalog) };
  const isLoose =
    diagnostics.length > MAX_JUDGED || placed.some(({ diagnostic, offset }) => isMisfit(diagnostic, offset, about));
  const context = { ...about, isLoose };
  return placed.flatMap(({ diagnostic, offset }): readonly Found[] => {
    const position = counts(diagnostic, offset, context) ? script.toPosition(offset) : undefined;
    if (position === undefined) return [];
    const stub = toolAt(offset, context)?.signature;
    const { line, column } = position;
    return [
      {
        line,
        column,
        message: messageOf(diagnostic),
        tsCode: diagnostic.code,
        ...(stub === undefined ? {} : { stub }),
      },
    ];
  });
}

/** TypeScript's own words on one line; names that only the checked declarations have become those a script's author knows. */
function messageOf(diagnostic: CompilerDiagnostic): string {
  const words: string[] = [];
  const last = decidingReason(diagnostic);
  for (
    let at: CompilerDiagnostic | undefined = diagnostic;
    at !== undefined;
    at = at === last ? undefined : at.because.at(-1)
  )
    if (!ABOUT_OVERLOADS.has(at.code)) words.push(at.text);
  const text = words
    .join(" ")
    .replaceAll(/\bListOf<(?<item>[^<>]*)>/gu, "$<item>[]")
    .replaceAll(/\bStringLike\b/gu, "string")
    .replace(/ Do you need to install type definitions.*$| Do you need to change your target library.*$/su, "");
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE).toWellFormed()}…`;
}

function toError(script: PreparedScript, found: readonly Found[], catalog: Catalog): ErrorInfo | undefined {
  const [first] = found;
  if (first === undefined) return undefined;
  const told = found.slice(0, MAX_TOLD);
  const more = found.length === 1 ? "" : ` (and ${found.length - 1} more)`;
  const quoted = snippet(script.source, first.line, first.column);
  const hint = hintFor(told, script, catalog);
  return errorInfo(
    "SCRIPT_TYPE_ERROR",
    `Cannot run the script as its types show that it must fail: ${first.message}${more}`,
    {
      line: first.line,
      column: first.column,
      ...(quoted === undefined ? {} : { snippet: quoted }),
      ...(hint === undefined ? {} : { hint }),
      details: { diagnostics: told },
    },
  );
}

function hintFor(told: readonly Found[], script: PreparedScript, catalog: Catalog): string | undefined {
  const advice = told.some(({ message }) => message.includes("'Promise<"))
    ? ["A call of a tool gives a promise: write `await` before it."]
    : [];
  const stubs = told.flatMap(({ stub }) => stub ?? []);
  const lookUp = createLookUp(catalog);
  const called = script.calls.slice(0, MAX_CALLS).flatMap(({ path }) => {
    const tool = lookUp(path);
    return typeof tool === "string" ? [] : [tool.signature];
  });
  const signatures = [...new Set(stubs.length > 0 ? stubs : called)].slice(0, MAX_STUBS);
  const compare = signatures.length === 0 ? [] : [`Compare with the tools:\n${signatures.join("\n")}`];
  const lines = [...advice, ...compare];
  return lines.length === 0 ? undefined : lines.join("\n");
}
