import type { AnyNode, Property, SpreadElement } from "acorn";
import { bindArguments } from "../../catalog/call-arguments.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { toIdentifier } from "../../catalog/tool-names.ts";
import { isRecord } from "../../lib/guards.ts";
import { staticName } from "../literals.ts";
import type { CompilerDiagnostic } from "./typecheck-projects.ts";
import { memberName } from "./typecheck-names.ts";
import { argumentPlace, placesOf, readUse, toolOf } from "./typecheck-places.ts";
import type { ArgumentPlace, PlaceContext } from "./typecheck-places.ts";
import { builtInOf, cannotBe, kindsOf, splitUnion } from "./typecheck-type-text.ts";

/** What a diagnostic is judged by. */
export interface RuleContext extends PlaceContext {
  readonly catalog: Catalog;
  /** What the script was checked against. */
  readonly declarations: string;
  /**
   * Whether the script puts values where the compiler expects others: what it infers from there on need not hold, and only
   * what does not depend on it counts.
   */
  readonly isLoose: boolean;
}

/** Whether what a diagnostic says must fail when the place is reached, or gives no value but a mistaken one. */
type Judge = (diagnostic: CompilerDiagnostic, offset: number, context: RuleContext) => boolean;

interface Rule {
  readonly codes: readonly number[];
  /** What happens at run time. */
  readonly reason: string;
  readonly judge: Judge;
}

/**
 * The diagnostics that count. All others say nothing about a run: types that are not known or too wide (`any`, `unknown`, no index),
 * values that may be undefined, unused and unreachable code, functions called with too few or too many arguments, assignments of
 * another type, comparisons without overlap, properties of objects that the script itself makes.
 */
const RULES: readonly Rule[] = [
  {
    codes: [2304, 2503, 2552, 2580, 2581, 2582, 2583, 2584, 2591, 2592, 2593, 2693, 2868, 18004],
    reason: "reading a name that nothing declares throws a ReferenceError",
    judge: isUnknownName,
  },
  {
    codes: [2448, 2449],
    reason: "reading a `let`, `const` or class before its declaration has run throws a ReferenceError",
    judge: () => true,
  },
  { codes: [2588], reason: "assigning to a constant throws a TypeError", judge: () => true },
  {
    codes: [2339, 2550, 2551],
    reason: "a property that is not there is undefined: what is made of it fails or is wrong",
    judge: isMissingProperty,
  },
  {
    codes: [2349],
    reason: "calling a text, a number, a list or a promise throws a TypeError",
    judge: isNoFunction,
  },
  {
    codes: [2461, 2488, 2495, 2548, 2549],
    reason: "going through an object, a number or a promise throws a TypeError: no JSON object is iterable",
    judge: isNotIterable,
  },
  {
    codes: [2362, 2363, 2365],
    reason: "computing with a promise gives NaN or a text about it: an `await` is missing",
    judge: isComputingWithPromise,
  },
  {
    codes: [2322, 2345, 2353, 2561, 2739, 2740, 2741, 2769],
    reason: "the gateway refuses arguments that do not satisfy the tool's schema",
    judge: isWrongArgument,
  },
  {
    codes: [2554, 2555, 2575],
    reason: "the gateway refuses a call without required arguments, or with more values than the tool has",
    judge: isWrongArgumentCount,
  },
];

const RULE_OF: ReadonlyMap<number, Rule> = new Map(RULES.flatMap((rule) => rule.codes.map((code) => [code, rule])));
/** Codes of values that do not fit where they are put. */
const MISFITS = new Set([2322, 2345, 2739, 2740, 2741, 2769]);

/** Whether a diagnostic counts. @param offset Its place in the tree. */
export function counts(diagnostic: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  return RULE_OF.get(diagnostic.code)?.judge(diagnostic, offset, context) ?? false;
}

/** Whether a diagnostic says that a value does not fit, elsewhere than in a call of a tool. */
export function isMisfit({ code }: CompilerDiagnostic, offset: number, context: PlaceContext): boolean {
  return MISFITS.has(code) && argumentPlace(offset, context) === undefined;
}

function isUnknownName(_diagnostic: CompilerDiagnostic, offset: number, { syntax }: RuleContext): boolean {
  // A name that stands in a type alone is not in the tree.
  const name = syntax.at(offset).find((node) => node.type === "Identifier");
  if (name?.type !== "Identifier") return false;
  // `globalThis.name = …` makes a global too.
  return !syntax.isAssigned(name.name) && !syntax.isAskedFor(name.name) && !syntax.isWritten(name.name);
}

function isMissingProperty(diagnostic: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  const { syntax } = context;
  const type = / on type '(?<type>.*)'\.(?: |$)/su.exec(diagnostic.text)?.groups?.["type"];
  const use = readUse(offset, syntax);
  // A reason is given when only some of several types lack the property.
  if (type === undefined || use === undefined || diagnostic.because.length > 0 || splitUnion(type).length > 1)
    return false;
  const { name, object } = use;
  if (syntax.isWritten(name)) return false;
  if (isPromiseOfTool(object, context)) return true;
  if (syntax.isProbed(name) || use.isOptional || !isSettled(object, context)) return false;
  if (type.startsWith("Promise<")) return true;
  if (isNamespace(type, context)) return use.isCalled && !isToolName(name, syntax.pathOf(object), context);
  const builtIn = builtInOf(type);
  if (builtIn !== undefined) return !(name in builtIn) && (use.isCalled || isNearText(diagnostic, type));
  if (diagnostic.isAboutTools) return true;
  // What a test has ruled out is `never`: the script knows better there.
  const isObject = kindsOf(type)?.has("object") === true;
  const isAnswer = isDeclared(type, context) || (isObject && toolOf(syntax.sourceOf(object), context) !== undefined);
  // No JSON value has methods, and what a schema forbids is not there.
  return isAnswer && (use.isCalled || isForbidden(name, object, context));
}

function isToolName(name: string, path: readonly string[] | undefined, { catalog, lookUp }: RuleContext): boolean {
  if (path !== undefined) return lookUp([...path, name]) !== "unknown";
  const word = toIdentifier(name);
  return catalog.tools.some((tool) => tool.method === word || toIdentifier(tool.name) === word);
}

function isNearText({ code }: CompilerDiagnostic, type: string): boolean {
  const [kind] = kindsOf(type) ?? [];
  return code === 2551 && (kind === "string" || kind === "array");
}

/** Whether the type is that of `mcp` or of a server. */
function isNamespace(type: string, { declarations }: RuleContext): boolean {
  return type === "Mcp" || (type.endsWith("Tools") && declarations.includes(`interface ${type} {`));
}

function isDeclared(type: string, { declarations }: RuleContext): boolean {
  return (
    /^[\w$]+$/u.test(type) && (declarations.includes(`type ${type} =`) || declarations.includes(`interface ${type} {`))
  );
}

function isForbidden(name: string, object: AnyNode, context: RuleContext): boolean {
  const schema = toolOf(context.syntax.answerOf(object), context)?.outputSchema;
  if (!isRecord(schema) || schema["additionalProperties"] !== false) return false;
  const plain =
    schema["patternProperties"] === undefined && schema["allOf"] === undefined && schema["anyOf"] === undefined;
  return plain && isRecord(schema["properties"]) && !Object.hasOwn(schema["properties"], name);
}

function isNoFunction({ because }: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  const type = /^Type '(?<type>.*)' has no call signatures/su.exec(because[0]?.text ?? "")?.groups?.["type"];
  const kinds = type === undefined ? undefined : kindsOf(type);
  if (kinds === undefined || kinds.has("object")) return false;
  return placesOf(offset, context.syntax).every((node) => isSettled(node, context));
}

function isNotIterable({ text }: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  const { syntax } = context;
  const type = /^Type '(?<type>.*)' (?:must have|is not an array)/su.exec(text)?.groups?.["type"];
  if (type === undefined || splitUnion(type).length > 1) return false;
  const places = placesOf(offset, syntax);
  if (places.some((node) => isPromiseOfTool(node, context))) return true;
  if (!places.every((node) => isSettled(node, context))) return false;
  if (type.startsWith("Promise<")) return true;
  if (isDeclared(type, context)) return true;
  const [kind] = kindsOf(type) ?? [];
  if (kind === "number" || kind === "boolean") return true;
  return kind === "object" && places.some((node) => toolOf(syntax.sourceOf(node), context) !== undefined);
}

function isComputingWithPromise({ text }: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  const places = context.syntax.at(offset);
  if (places.some((node) => isPromiseOfTool(node, context))) return true;
  return /'Promise<[^']*'/u.test(text) && places.every((node) => isSettled(node, context));
}

function isWrongArgument(diagnostic: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  const place = argumentPlace(offset, context);
  if (place === undefined) return false;
  // The schema forbids it: the declarations let everything else through.
  if (diagnostic.code === 2353 || diagnostic.code === 2561) return isSent(place, context);
  const last = decidingReason(diagnostic);
  const [, given, wanted] = MISFIT.exec(last.text) ?? [];
  if (given !== undefined && wanted !== undefined) {
    const isWhole = place.call.arguments.some((argument) => argument === place.value);
    if (isWhole && kindsOf(wanted) === undefined) return false;
    const isSure = isPromiseOfTool(place.value, context) || isSettled(place.value, context);
    return cannotBe(given, wanted) && isSure && !isPositional(given, wanted, place);
  }
  if (!MISSING.test(last.text)) return false;
  const { value } = place;
  return value.type === "ObjectExpression" && value.properties.every(isWrittenOut);
}

/** Whether a property that the schema forbids fails the call: one that is undefined is left out, unless it stands for a required one. */
function isSent({ tool, call, value }: ArgumentPlace, { syntax }: RuleContext): boolean {
  if (syntax.isDefined(value)) return true;
  const [whole] = call.arguments;
  if (whole?.type !== "ObjectExpression" || !whole.properties.every(isWrittenOut)) return false;
  const given = new Set(
    whole.properties.map((property) => property.type === "Property" && staticName(property.key, false)),
  );
  return tool.positional.some((name) => !given.has(name));
}

function isWrittenOut(property: Property | SpreadElement): boolean {
  return property.type === "Property" && !property.computed;
}

const MISFIT = /^(?:Type|Argument of type) '(.*)' is not assignable to (?:type|parameter of type) '(.*)'\.$/su;
const MISSING = /^(?:Property '.*' is missing in type|Type '.*' is missing the following properties from type)/su;

/** The reason that names the value and what is wanted; further ones go through what a text or a list may be. */
export function decidingReason(diagnostic: CompilerDiagnostic): CompilerDiagnostic {
  const next = diagnostic.because.at(-1);
  const [, , wanted] = MISFIT.exec(diagnostic.text) ?? [];
  const kinds = wanted === undefined ? undefined : kindsOf(wanted);
  return next === undefined || (kinds !== undefined && !kinds.has("object")) ? diagnostic : decidingReason(next);
}

/** Whether a value is sure to be what the compiler takes it for: nothing it is made of is given another value. */
function isSettled(value: AnyNode, { syntax, isLoose }: RuleContext): boolean {
  if (isLoose) return false;
  const base = syntax.baseOf(value);
  if (base !== undefined && (syntax.isAssigned(base) || syntax.isAskedFor(base))) return false;
  const name = value.type === "MemberExpression" ? memberName(value) : undefined;
  return name === undefined || !syntax.isWritten(name);
}

/** Whether a value is the promise of a tool's answer, whatever else the script does. */
function isPromiseOfTool(value: AnyNode, context: RuleContext): boolean {
  return toolOf(context.syntax.promiseOf(value), context) !== undefined;
}

/** Whether a value stands for the required properties, one by one, as it may. */
function isPositional(given: string, wanted: string, { tool, call, value }: ArgumentPlace): boolean {
  const isWhole = call.arguments.some((argument) => argument === value);
  const kind = kindsOf(wanted);
  if (!isWhole || given.startsWith("Promise<") || kind?.has("object") !== true) return false;
  return tool.positional.length >= call.arguments.length;
}

function isWrongArgumentCount(_diagnostic: CompilerDiagnostic, offset: number, context: RuleContext): boolean {
  const call = context.syntax
    .at(offset)
    .flatMap((node): readonly AnyNode[] => {
      const parent = context.syntax.parentOf(node);
      const isName = parent?.type === "MemberExpression" && parent.property === node;
      const user = isName ? context.syntax.parentOf(parent) : parent;
      return [...(user === undefined ? [] : [user]), node];
    })
    .find((node) => node.type === "CallExpression" && toolOf(node, context) !== undefined);
  if (call?.type !== "CallExpression" || call.arguments.some(({ type }) => type === "SpreadElement")) return false;
  const tool = toolOf(call, context);
  if (tool === undefined) return false;
  if (call.arguments.length === 0) return tool.positional.length > 0;
  const values = call.arguments.map(() => true);
  return bindArguments(tool, values).status === "tooMany";
}
