import type { AnyNode, BlockStatement, CallExpression, Expression, MemberExpression, NewExpression } from "acorn";
import { staticName } from "./literals.ts";
import type { Edit } from "./source-position.ts";

/** A script's floating values: what hands them to the tracker, and the name by which. */
export interface FloatingValues {
  /** Insertions only, none of which holds a line break. */
  readonly edits: readonly Edit[];
  /** A name the script has nowhere; `undefined` when there is nothing to track. */
  readonly tracker: string | undefined;
}

type Wrappable = Extract<Expression, { type: "CallExpression" | "NewExpression" | "ChainExpression" }>;

/** Methods of lists, maps and sets: what they return is no promise, and loops call them often. */
const COLLECTION_METHODS = new Set(
  "add append clear copyWithin delete fill forEach pop push reverse set shift sort splice unshift".split(" "),
);
const COLLECTIONS = new Set(["Array", "Map", "Set", "URLSearchParams", "WeakMap", "WeakSet"]);
/** Callbacks whose value is thrown away, as functions of anything. */
const DROPPING_METHODS = new Set(["forEach"]);
const TRACK = "$track";
const NONE: FloatingValues = { edits: [], tracker: undefined };

/** Finds values that float; made for one tree. */
export interface FloatingFinder {
  /** Takes one node of the tree; every node has to come, in any order. */
  visit(node: AnyNode): void;
  /**
   * @param text Of the tree.
   * @param fixed Places of other insertions: what begins at one of them is the script's value.
   * @param lineOf Line of an offset in the caller's text; `undefined` when it is not one of the caller's.
   */
  found(text: string, fixed: readonly Edit[], lineOf: (offset: number) => number | undefined): FloatingValues;
}

/**
 * Finds where a script's text makes a value by a call and does nothing with it, and wraps it: `save()` becomes
 * `$track(save(),4)`, so that the runtime can tell when it is a promise that is rejected.
 *
 * Taken are statements that are a call or `new`, what `void` throws away, both sides of `&&`, `||`, `??` and `?:` there, the
 * parts of a comma expression, and what is handed to `forEach`: the body of `x => call(x)`, and what an async function
 * throws. Left are calls of tools, whose promises the runtime knows anyway, calls of collections and of `console`, and
 * everything in a script with a `with` statement, where a name may mean a property.
 */
export function createFloatingFinder(): FloatingFinder {
  /** In the order of the walk; `statement` is where the statement begins that they are. */
  const candidates: { readonly value: Wrappable; readonly statement: number | undefined }[] = [];
  const bodies: BlockStatement[] = [];
  const collections = createCollectionFinder();
  let hasWith = false;
  const take = (expression: Expression, statement?: number): void => {
    for (const value of floatingParts(expression)) candidates.push({ value, statement });
  };
  return {
    visit(node) {
      collections.visit(node);
      switch (node.type) {
        case "ExpressionStatement":
          take(node.expression, node.start);
          break;
        case "UnaryExpression":
          // A whole expression, as of a statement, comes by itself; `void` may stand anywhere.
          if (node.operator === "void") take(node.argument);
          break;
        case "CallExpression": {
          const callback = dropsValue(node) ? node.arguments[0] : undefined;
          if (callback?.type === "ArrowFunctionExpression" && callback.body.type !== "BlockStatement")
            take(callback.body);
          const body = callback === undefined ? undefined : asyncBody(callback);
          if (body !== undefined) bodies.push(body);
          break;
        }
        case "WithStatement":
          hasWith = true;
          break;
        default:
      }
    },
    found(text, fixed, lineOf) {
      if (hasWith) return NONE;
      const taken = new Set(fixed.map(({ at }) => at));
      const names = collections.names();
      const floating = candidates.flatMap(({ value, statement }) =>
        (statement !== undefined && taken.has(statement)) || isHarmless(value, names) ? [] : [value],
      );
      return floating.length === 0 && bodies.length === 0 ? NONE : track(floating, bodies, text, lineOf);
    },
  };
}

function track(
  floating: readonly Wrappable[],
  bodies: readonly BlockStatement[],
  text: string,
  lineOf: (offset: number) => number | undefined,
): FloatingValues {
  const tracker = freeName(text);
  const watches = bodies.map((body) => watchBody(body, tracker, lineOf(body.start)));
  // Of two at one place the one that comes first in the list comes first: what begins last must end first.
  const edits = [
    ...watches.map(({ begin }) => begin),
    ...floating.flatMap((value) => wrap(value, tracker, text, lineOf(value.start))),
    ...watches.map(({ end }) => end),
  ];
  return { edits, tracker };
}

/** The calls that may give an expression's value. */
function floatingParts(expression: Expression): readonly Wrappable[] {
  switch (expression.type) {
    case "CallExpression":
    case "NewExpression":
    case "ChainExpression":
      return [expression];
    case "ConditionalExpression":
      return [...floatingParts(expression.consequent), ...floatingParts(expression.alternate)];
    case "LogicalExpression":
      return [...floatingParts(expression.left), ...floatingParts(expression.right)];
    case "SequenceExpression":
      return expression.expressions.flatMap(floatingParts);
    default:
      return [];
  }
}

/**
 * The body of an async function that is handed to `forEach`, if it can stand inside of a `try`: there a function is
 * declared otherwise, and a directive is none.
 */
function asyncBody(callback: AnyNode): BlockStatement | undefined {
  if (callback.type !== "ArrowFunctionExpression" && callback.type !== "FunctionExpression") return undefined;
  const { body } = callback;
  if (!callback.async || callback.generator || body.type !== "BlockStatement") return undefined;
  const isMovable = body.body.every(
    (statement) =>
      statement.type !== "FunctionDeclaration" &&
      !(statement.type === "ExpressionStatement" && statement.directive !== undefined),
  );
  return isMovable ? body : undefined;
}

/** Hands the tracker what the body throws, as a promise that is rejected with it: nobody gets the function's own. */
function watchBody(
  body: BlockStatement,
  tracker: string,
  line: number | undefined,
): { readonly begin: Edit; readonly end: Edit } {
  const thrown = `${tracker}e`;
  const promise = `(async () => { throw ${thrown} })()`;
  const handed = line === undefined ? promise : `${promise},${line}`;
  return {
    begin: { at: body.start + 1, remove: 0, insert: "try{", anchored: true },
    end: { at: body.end - 1, remove: 0, insert: `}catch(${thrown}){${tracker}(${handed});throw ${thrown}}` },
  };
}

function dropsValue({ callee }: CallExpression): boolean {
  if (callee.type !== "MemberExpression") return false;
  const name = staticName(callee.property, callee.computed);
  return name !== undefined && DROPPING_METHODS.has(name);
}

/** Whether a value is known to be no promise, or to be one the runtime knows. */
function isHarmless(value: Wrappable, collections: ReadonlySet<string>): boolean {
  const call = value.type === "ChainExpression" ? value.expression : value;
  if (call.type === "NewExpression") return false;
  // A chain may end in a member: nothing is called.
  if (call.type !== "CallExpression") return true;
  const { callee } = call;
  if (callee.type === "Super") return true;
  if (callee.type !== "MemberExpression") return false;
  const root = rootName(callee);
  if (root === "mcp" || root === "console") return true;
  const method = staticName(callee.property, callee.computed);
  if (method === undefined || !COLLECTION_METHODS.has(method)) return false;
  const { object } = callee;
  return (
    DROPPING_METHODS.has(method) || (object.type === "Identifier" ? collections.has(object.name) : isCollection(object))
  );
}

/** The name at which a chain of members begins. */
function rootName({ object }: MemberExpression): string | undefined {
  let root: AnyNode = object;
  while (root.type === "MemberExpression") root = root.object;
  return root.type === "Identifier" ? root.name : undefined;
}

interface CollectionFinder {
  visit(node: AnyNode): void;
  names(): ReadonlySet<string>;
}

/** Finds names that are bound to a new collection wherever they are bound at all; scopes are not told apart. */
function createCollectionFinder(): CollectionFinder {
  const made = new Set<string>();
  const other = new Set<string>();
  const bind = (name: string, value: Expression | null | undefined): void => {
    (isCollection(value) ? made : other).add(name);
  };
  return {
    visit(node) {
      switch (node.type) {
        case "VariableDeclarator":
          if (node.id.type === "Identifier") bind(node.id.name, node.init);
          break;
        case "AssignmentExpression":
          if (node.left.type === "Identifier") bind(node.left.name, node.right);
          break;
        default:
      }
    },
    names: () => made.difference(other),
  };
}

function isCollection(value: AnyNode | null | undefined): boolean {
  if (value?.type === "ArrayExpression") return true;
  return value?.type === "NewExpression" && isNamed(value, COLLECTIONS);
}

function isNamed({ callee }: NewExpression, names: ReadonlySet<string>): boolean {
  return callee.type === "Identifier" && names.has(callee.name);
}

function wrap(value: Wrappable, tracker: string, text: string, line: number | undefined): readonly Edit[] {
  // `else(f)()` and its like: the name must not become a part of the word before it.
  const space = /[\w$]$/u.test(text.slice(value.start - 1, value.start)) ? " " : "";
  return [
    // V8 tells some errors at the start of the statement.
    { at: value.start, remove: 0, insert: `${space}${tracker}(`, anchored: true },
    { at: value.end, remove: 0, insert: line === undefined ? ")" : `,${line})` },
  ];
}

/** A name that is nowhere in the text, not even in a string that may be evaluated. One more `$` than the longest there is. */
function freeName(text: string): string {
  let most = -1;
  for (const [found] of text.matchAll(/\$track\$*/gu)) most = Math.max(most, found.length - TRACK.length);
  return TRACK + "$".repeat(most + 1);
}
