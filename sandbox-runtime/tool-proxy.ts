import {
  append,
  apply,
  arrayJoin,
  charCodeAt,
  fromCharCode,
  freeze,
  hasOwn,
  isArray,
  MapCtor,
  mapGet,
  mapSet,
  objectKeys,
  parse,
  primitiveSymbol,
  ProxyCtor,
  SetCtor,
  setAdd,
  setHas,
  stringSlice,
  stringToLowerCase,
  stringToUpperCase,
  TypeErrorCtor,
  newList,
} from "./primordials.ts";
import { showAs } from "./shown.ts";
import { dotted } from "./tool-calls.ts";
import type { ToolCalls } from "./tool-calls.ts";

/** Names that are nothing unless a tool has them: what is asked of every value, to see if it is of another kind. */
const RESERVED = new Set<unknown>(["then", "catch", "finally", "toJSON", "constructor", "prototype", "__proto__"]);
/** Names of a path that are kept: no tool has so many, and a path is copied at each of its points. */
const MAX_NAMES = 64;
const METHODS = new Set<unknown>(["$search", "$describe", "$servers"]);

type Names = Record<string, readonly string[]>;

/** The names of servers and tools, read when a script first asks for them. */
interface NameTable {
  /** What can be written after the path and a dot. */
  below(path: readonly string[]): readonly string[];
  /** Whether the name is one of them. */
  has(path: readonly string[], name: string): boolean;
  /**
   * Whether the path is that of a tool rather than of a server, as far as can be told here: of a word that is neither, that
   * it is a tool's own name on `mcp`.
   */
  isTool(path: readonly string[]): boolean;
}

/**
 * Makes `mcp`: a frozen proxy that turns `mcp.server.tool(args)` into a message and a promise.
 *
 * Which tool a path means is decided by the host; here names serve enumeration, and to tell a function's own `call`, `name`
 * and so on from tools that are called so.
 *
 * @param namesJson JSON text of methods by namespace; parsed when a script first needs it.
 */
export function createToolProxy(calls: ToolCalls, namesJson: string): object {
  return createNode([], (path, args) => calls.start(path, args), createNameTable(namesJson));
}

function createNameTable(namesJson: string): NameTable {
  let names: Names | undefined;
  const sets = new MapCtor();
  const all = (): Names => (names ??= parse(namesJson) as Names);
  const below = (path: readonly string[]): readonly string[] => {
    if (path.length === 0) return objectKeys(all());
    const namespace = path[0] as string;
    return path.length === 1 && hasOwn(all(), namespace) ? (all()[namespace] ?? []) : [];
  };
  return {
    below,
    has(path, name) {
      if (path.length > 1) return false;
      // Of an empty list a getter that a script put on the prototype of lists would be asked.
      const key = path.length === 0 ? undefined : path[0];
      let set = mapGet(sets, key) as Set<unknown> | undefined;
      if (set === undefined) {
        set = new SetCtor();
        const list = below(path);
        for (let i = 0; i < list.length; i++) setAdd(set, list[i]);
        // Of a word that is no namespace there is nothing to keep.
        if (list.length > 0) mapSet(sets, key, set);
      }
      return setHas(set, name);
    },
    isTool: (path) => path.length > 1 || (path.length === 1 && !isNamespace(objectKeys(all()), path[0] as string)),
  };
}

/** Whether a word is a namespace, or a name from which one is made: `my-server` is `myServer`. */
function isNamespace(namespaces: readonly string[], word: string): boolean {
  const squashed = squash(word);
  for (let i = 0; i < namespaces.length; i++) if (squash(namespaces[i] as string) === squashed) return true;
  return false;
}

function squash(word: string): string {
  let text = "";
  for (let i = 0; i < word.length && i < 256; i++) {
    const unit = charCodeAt(word, i);
    const isKept =
      (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122) || unit > 127;
    if (isKept) text += fromCharCode(unit);
  }
  return stringToLowerCase(text);
}

type Start = ToolCalls["start"];

/** One point of the tree: `mcp` itself (not callable), a server, or a tool. */
function createNode(path: readonly string[], start: Start, names: NameTable): object {
  const children = new MapCtor();
  const child = (key: string): object => {
    let node = mapGet(children, key) as object | undefined;
    if (node === undefined) {
      const childPath: string[] = newList();
      for (let i = 0; i < path.length && i < MAX_NAMES; i++) append(childPath, path[i] as string);
      append(childPath, key);
      node = createNode(freeze(childPath), start, names);
      mapSet(children, key, node);
    }
    return node;
  };
  const text = (): string => nodeText(path, names.below(path));
  const has = (key: PropertyKey): boolean => typeof key === "string" && names.has(path, key);
  // The language then throws in strict mode, and lets it pass in sloppy mode.
  const refuse = (): boolean => false;
  const get = (key: PropertyKey): unknown => {
    if (typeof key !== "string") return key === primitiveSymbol ? text : undefined;
    if (setHas(RESERVED, key)) return has(key) ? child(key) : undefined;
    if (setHas(OBJECT_MEMBERS, key) && !has(key)) return objectMember(key, node, text, has);
    if (setHas(FUNCTION_MEMBERS, key) && !has(key) && names.isTool(path) && !isDotted(path, key, names))
      return functionMember(key, path, start, node);
    return child(key);
  };
  const handler = {
    __proto__: null,
    get: (_, key) => get(key),
    has: (_, key) => has(key) || (path.length === 0 && setHas(METHODS, key)),
    ownKeys: () => copyOf(names.below(path)),
    getOwnPropertyDescriptor: (_, key) =>
      has(key)
        ? ({
            __proto__: null,
            value: child(key as string),
            writable: false,
            enumerable: true,
            configurable: true,
          } as object)
        : undefined,
    getPrototypeOf: () => null,
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
    setPrototypeOf: refuse,
    preventExtensions: refuse,
    apply: (_, __, args: unknown[]) => {
      if (path.length === 0)
        throw new TypeErrorCtor("Cannot call mcp itself: call a tool, as in mcp.server.tool({ … })");
      return start(path, isArray(args) ? args : []);
    },
  } as ProxyHandler<() => void>;
  freeze(handler);
  const node = new ProxyCtor(() => undefined, handler);
  showAs(node, text);
  return node;
}

/** What every object has, and no tool is named by. */
const OBJECT_MEMBERS = new Set<unknown>([
  "hasOwnProperty",
  "propertyIsEnumerable",
  "toString",
  "toLocaleString",
  "valueOf",
]);
/** What a function has of its own, which scripts use of tools too. */
const FUNCTION_MEMBERS = new Set<unknown>(["call", "apply", "bind", "name", "length"]);

function objectMember(key: string, node: object, text: () => string, has: (key: PropertyKey) => boolean): unknown {
  switch (key) {
    case "hasOwnProperty":
    case "propertyIsEnumerable":
      return (name: unknown) => typeof name === "string" && has(name);
    case "valueOf":
      return () => node;
    default:
      return text;
  }
}

function functionMember(key: string, path: readonly string[], start: Start, node: object): unknown {
  switch (key) {
    case "call":
      return (_self: unknown, ...args: unknown[]) => start(path, args);
    case "apply":
      return (_self: unknown, args?: readonly unknown[] | null) =>
        apply(node as Start, undefined, (args ?? []) as unknown as Parameters<Start>) as unknown;
    case "bind":
      return (_self: unknown, ...first: unknown[]) =>
        (...rest: unknown[]) => {
          const args: unknown[] = newList();
          for (let i = 0; i < first.length; i++) append(args, first[i]);
          for (let i = 0; i < rest.length; i++) append(args, rest[i]);
          return start(path, args);
        };
    case "name":
      return path[path.length - 1];
    default:
      return 1;
  }
}

/** Whether a tool's own name holds a dot and goes on with this word: `api.call` is the method `apiCall`. */
function isDotted(path: readonly string[], key: string, names: NameTable): boolean {
  if (path.length !== 2) return false;
  const joined = (path[1] as string) + stringToUpperCase(stringSlice(key, 0, 1)) + stringSlice(key, 1);
  return names.has([path[0] as string], joined);
}

/** How a point of the tree looks in texts: its path, and the names below it. */
function nodeText(path: readonly string[], names: readonly string[]): string {
  const below = names.length === 0 ? "" : `: ${arrayJoin(names, ", ")}`;
  return `[mcp${path.length === 0 ? "" : `.${dotted(path)}`}${below}]`;
}

function copyOf(list: readonly string[]): string[] {
  const copy: string[] = newList();
  for (let i = 0; i < list.length; i++) append(copy, list[i] as string);
  return copy;
}
