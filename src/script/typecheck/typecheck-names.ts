import type {
  AnonymousFunctionDeclaration,
  AnyNode,
  CallExpression,
  FunctionDeclaration,
  MemberExpression,
} from "acorn";
import { staticName } from "../literals.ts";

/** Where a name gets its value. */
export interface NameOrigin {
  readonly node: AnyNode;
  /** Whether the value is that of the node, and not a part or an item of it. */
  readonly isWhole: boolean;
}

const EQUALITY = new Set(["==", "!=", "===", "!=="]);
const WRITING_OBJECTS = new Set(["Object", "Reflect"]);
const WRITING_METHODS = new Set(["assign", "defineProperties", "defineProperty", "set", "setPrototypeOf"]);
const PLAIN_VALUES = new Set<AnyNode["type"]>([
  "ArrayExpression",
  "Literal",
  "ObjectExpression",
  "TemplateLiteral",
  "UnaryExpression",
]);
const ASKING_METHODS = new Set(["isArray", "hasOwn", "hasOwnProperty", "has"]);

/** The name of a property that is written out. */
export function memberName({ property, computed }: MemberExpression): string | undefined {
  return staticName(property, computed);
}

/** What a script does with names, without regard to scopes. */
export class ScriptNames {
  readonly #assigned = new Set<string>();
  readonly #askedFor = new Set<string>();
  readonly #written = new Set<string>();
  readonly #probed = new Set<string>();
  readonly #origins = new Map<string, NameOrigin | undefined>();
  #hidesNames = false;

  /** Takes one node of the tree; every node has to come, in any order. */
  visit(node: AnyNode, parent: AnyNode | undefined): void {
    switch (node.type) {
      case "AssignmentExpression":
        this.#assign(node.left);
        break;
      case "UpdateExpression":
        this.#assign(node.argument);
        break;
      case "WithStatement":
        this.#hidesNames = true;
        break;
      default:
        this.#visitBinding(node, parent);
        this.#visitProbe(node);
    }
  }

  /** Whether the variable is given a value again after its declaration, or may exist by an assignment alone. */
  isAssigned(name: string): boolean {
    return this.#assigned.has(name);
  }

  /** Whether `typeof` asks for the variable, or a `with` or an `eval` may give it. */
  isAskedFor(name: string): boolean {
    return this.#hidesNames || this.#askedFor.has(name);
  }

  /** Whether the script sets a property of this name on an object that is there. */
  isWritten(property: string): boolean {
    return this.#written.has(property);
  }

  /** Whether the script finds out somewhere if there is a property of this name. */
  isProbed(property: string): boolean {
    return this.#probed.has(property);
  }

  /** Where the only variable of this name gets the only value it has. */
  originOf(node: AnyNode): NameOrigin | undefined {
    return node.type === "Identifier" && !this.isAssigned(node.name) ? this.#origins.get(node.name) : undefined;
  }

  #visitBinding(node: AnyNode, parent: AnyNode | undefined): void {
    switch (node.type) {
      case "VariableDeclarator":
        // Those of a loop over something come with the loop.
        if (node.init) this.#bind(node.id, node.init, true);
        break;
      case "ForOfStatement":
      case "ForInStatement":
        if (node.left.type !== "VariableDeclaration") this.#assign(node.left);
        else for (const { id } of node.left.declarations) this.#bind(id, itemsOf(node), false);
        break;
      case "ArrowFunctionExpression":
      case "FunctionExpression":
      case "FunctionDeclaration": {
        const callee = parent?.type === "CallExpression" && parent.callee !== node ? parent.callee : undefined;
        const items = callee?.type === "MemberExpression" ? callee.object : undefined;
        for (const param of node.params) {
          this.#bind(param, items, false);
          for (const name of defaultedNames(param)) this.#assigned.add(name);
        }
        if (node.type === "FunctionDeclaration" && node.id !== null && isVisibleAround(node, parent))
          this.#assigned.add(node.id.name);
        break;
      }
      case "CatchClause":
        if (node.param) this.#bind(node.param, undefined, false);
        break;
      default:
    }
  }

  #visitProbe(node: AnyNode): void {
    switch (node.type) {
      case "UnaryExpression":
        if (node.operator === "typeof" && node.argument.type === "Identifier") this.#askedFor.add(node.argument.name);
        this.#probe(node.argument);
        break;
      case "LogicalExpression":
        this.#probe(node.left);
        if (node.operator !== "&&") this.#probe(node.right);
        break;
      case "IfStatement":
      case "ConditionalExpression":
      case "WhileStatement":
        this.#probe(node.test);
        break;
      case "BinaryExpression":
        if (EQUALITY.has(node.operator)) {
          this.#probe(node.left);
          this.#probe(node.right);
        }
        if (node.operator === "in" && node.left.type === "Literal") this.#probed.add(String(node.left.value));
        break;
      case "MemberExpression":
        if (node.optional) this.#probe(node.object);
        break;
      case "CallExpression":
        this.#visitCall(node);
        break;
      default:
    }
  }

  #visitCall(node: CallExpression): void {
    const { callee } = node;
    if (node.optional) this.#probe(callee);
    // `Boolean(r.items)`, `String(r.items)`: no use that must fail.
    if (callee.type === "Identifier" && callee.name === "eval") this.#hidesNames = true;
    if (callee.type === "Identifier") for (const argument of node.arguments) this.#probe(argument);
    if (callee.type !== "MemberExpression") return;
    if (ASKING_METHODS.has(memberName(callee) ?? "")) {
      this.#probe(node.arguments[0]);
      for (const argument of node.arguments) if (argument.type === "Literal") this.#probed.add(String(argument.value));
    }
    // `Object.assign`, `Object.defineProperty` and the like.
    if (callee.object.type === "Identifier" && WRITING_OBJECTS.has(callee.object.name))
      this.#writeAll(node, memberName(callee) ?? "");
  }

  #writeAll(node: CallExpression, method: string): void {
    const [target, ...given] = node.arguments;
    // Which properties it gets, only the run decides.
    if (target !== undefined && WRITING_METHODS.has(method) && !given.every(isWrittenOut)) this.#assign(target);
    for (const argument of node.arguments) {
      if (argument.type === "Literal") this.#written.add(String(argument.value));
      if (argument.type !== "ObjectExpression") continue;
      for (const property of argument.properties) {
        const key = property.type === "Property" ? staticName(property.key, property.computed) : undefined;
        if (key !== undefined) this.#written.add(key);
      }
    }
  }

  #bind(pattern: AnyNode, origin: AnyNode | undefined, isWhole: boolean): void {
    for (const { name, isTop } of boundNames(pattern)) {
      // Two variables of one name: which is meant is not followed.
      const isKnown = this.#origins.has(name) || origin === undefined;
      this.#origins.set(name, isKnown ? undefined : { node: origin, isWhole: isWhole && isTop });
    }
  }

  #assign(target: AnyNode): void {
    if (target.type === "MemberExpression") {
      const name = memberName(target);
      if (name !== undefined) this.#written.add(name);
      // Which property it is, only the run decides: the whole counts as another value.
      else this.#assign(target.object);
    } else {
      for (const { name } of boundNames(target)) this.#assigned.add(name);
    }
  }

  #probe(node: AnyNode | null | undefined): void {
    const inner = node?.type === "ChainExpression" ? node.expression : node;
    const name = inner?.type === "MemberExpression" ? memberName(inner) : undefined;
    if (name !== undefined) this.#probed.add(name);
  }
}

/** Whether a function of a block is a variable of the function around it too, as it is outside of strict code. */
function isVisibleAround(
  { async, generator }: FunctionDeclaration | AnonymousFunctionDeclaration,
  parent: AnyNode | undefined,
): boolean {
  return !async && !generator && parent?.type !== "Program";
}

/** Whether an argument is the name of a property, or shows the names of those it has. */
function isWrittenOut(argument: AnyNode): boolean {
  if (argument.type === "Literal") return true;
  return (
    argument.type === "ObjectExpression" &&
    argument.properties.every((property) => property.type === "Property" && !property.computed)
  );
}

function itemsOf(loop: Extract<AnyNode, { type: "ForOfStatement" | "ForInStatement" }>): AnyNode | undefined {
  return loop.type === "ForOfStatement" ? loop.right : undefined;
}

interface BoundName {
  readonly name: string;
  /** Whether it is the whole pattern. */
  readonly isTop: boolean;
}

/** The names of a pattern; what it assigns to beside names is left out. */
function boundNames(pattern: AnyNode): readonly BoundName[] {
  if (pattern.type === "Identifier") return [{ name: pattern.name, isTop: true }];
  return partsOf(pattern).flatMap((part) =>
    part === null ? [] : boundNames(part).map(({ name }) => ({ name, isTop: false })),
  );
}

/** The names of a parameter that are of some kind only where nothing is given for them. */
function defaultedNames(pattern: AnyNode): readonly string[] {
  if (pattern.type === "AssignmentPattern" && PLAIN_VALUES.has(pattern.right.type))
    return boundNames(pattern.left).map(({ name }) => name);
  return partsOf(pattern).flatMap((part) => (part === null ? [] : defaultedNames(part)));
}

function partsOf(pattern: AnyNode): readonly (AnyNode | null)[] {
  switch (pattern.type) {
    case "ObjectPattern":
      return pattern.properties.map((property) => (property.type === "Property" ? property.value : property.argument));
    case "ArrayPattern":
      return pattern.elements;
    case "AssignmentPattern":
      return [pattern.left];
    case "RestElement":
      return [pattern.argument];
    default:
      return [];
  }
}
