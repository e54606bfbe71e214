import { MAX_PATH_UNITS } from "../src/bridge/protocol.ts";
import type { SandboxLimits } from "../src/bridge/protocol.ts";
import { CodecError, MAX_DEPTH, toJson } from "./codec.ts";
import { limitError, toolErrorFrom } from "./errors.ts";
import type { Host } from "./host.ts";
import {
  append,
  arrayJoin,
  ErrorCtor,
  freeze,
  hasOwn,
  isArray,
  MapCtor,
  mapDelete,
  mapGet,
  mapSet,
  mapSize,
  objectKeys,
  parse,
  primitiveSymbol,
  PromiseCtor,
  promiseThen,
  ProxyCtor,
  setHas,
  setPrototypeOf,
  StringCtor,
  stringify,
  TypeErrorCtor,
  newList,
} from "./primordials.ts";
import { showAs } from "./shown.ts";

interface PendingCall {
  readonly site: Error;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

type Names = Record<string, readonly string[]>;

/** The `mcp` object and the table of calls it makes. */
export interface ToolProxy {
  readonly mcp: object;
  /** Settles a call with what the host answered. */
  reply(id: number, ok: boolean, json: string): void;
}

const RESERVED = new Set<unknown>(["then", "catch", "finally", "toJSON", "constructor", "prototype", "__proto__"]);
/** Names of a path that are kept: no tool has so many, and a path is copied at each of its points. */
const MAX_NAMES = 64;
const METHODS = ["$search", "$describe", "$servers"];

/**
 * Makes `mcp`: a frozen proxy that turns `mcp.server.tool(args)` into a message and a promise.
 *
 * Which tool a path means is decided by the host; here names serve enumeration only.
 *
 * @param namesJson JSON text of methods by namespace; parsed when a script enumerates.
 */
export function createToolProxy(host: Host, namesJson: string): ToolProxy {
  const pending = new MapCtor();
  const calls = createCallStarter(host, pending);
  let names: Names | undefined;
  const namesOf = (path: readonly string[]): readonly string[] => {
    names ??= parse(namesJson) as Names;
    if (path.length === 0) return objectKeys(names);
    const namespace = path[0] as string;
    return path.length === 1 && hasOwn(names, namespace) ? (names[namespace] ?? []) : [];
  };
  return {
    mcp: createNode([], calls, namesOf),
    reply(id, ok, json) {
      const call = mapGet(pending, id) as PendingCall | undefined;
      if (call === undefined) return;
      mapDelete(pending, id);
      if (ok) call.resolve(parse(json));
      else call.reject(toolErrorFrom(json, call.site));
    },
  };
}

type StartCall = (path: readonly string[], args: readonly unknown[]) => Promise<unknown>;

function createCallStarter(host: Host, pending: Map<unknown, unknown>): StartCall {
  const { limits } = host;
  let made = 0;
  let argumentLength = 0;
  return (path, args) => {
    const site = new ErrorCtor();
    const promise = new PromiseCtor<unknown>((resolve, reject) => {
      const refuse = (code: string, message: string, hint: string): void =>
        reject(limitError(code, message, hint, site));
      const pathText = stringify(path);
      if (pathText.length > MAX_PATH_UNITS) {
        refuse(
          "TOOL_NOT_FOUND",
          `Cannot call the tool as its name may have ${MAX_PATH_UNITS} characters: it has more`,
          "Object.keys(mcp) lists the servers.",
        );
        return;
      }
      // They may run the script's own code, which may make calls too: nothing is counted before it.
      const json = argumentsText(args, path, limits, refuse);
      if (json === undefined) return;
      if (made >= limits.toolCalls) {
        refuse(
          "TOOL_CALL_LIMIT",
          `Cannot call mcp.${dotted(path)} as a run may make ${limits.toolCalls} tool calls: all are made`,
          "Make fewer calls, or ask for more with limits.toolCalls.",
        );
        return;
      }
      if (mapSize(pending) >= limits.concurrency) {
        refuse(
          "CALL_CONCURRENCY_LIMIT",
          `Cannot call mcp.${dotted(path)} as ${limits.concurrency} calls may be in flight at once: so many are`,
          "Await some calls before you start more, or ask for more with limits.concurrency.",
        );
        return;
      }
      if (argumentLength + json.length > limits.argumentTotalBytes) {
        refuse(
          "ARGUMENTS_TOO_LARGE",
          `Cannot call mcp.${dotted(path)} as all arguments of a run may have ${limits.argumentTotalBytes} bytes together: these would be more`,
          "Pass less, or ask for more with limits.argumentTotalBytes.",
        );
        return;
      }
      made++;
      argumentLength += json.length;
      mapSet(pending, made, { site, resolve, reject } satisfies PendingCall);
      host.send("call", StringCtor(made), pathText, json);
    });
    // A failed call that is awaited late is no unhandled rejection: the run's list of calls shows how each one ended.
    void promiseThen(promise, undefined, ignore);
    return promise;
  };
}

/** JSON text of a call's arguments; `undefined` when it refused them. @throws What getters and `toJSON` of them throw. */
function argumentsText(
  args: readonly unknown[],
  path: readonly string[],
  limits: SandboxLimits,
  refuse: (code: string, message: string, hint: string) => void,
): string | undefined {
  try {
    // The list is ours: its prototype must not tell how it is written.
    setPrototypeOf(args, null);
    return toJson(args, limits.argumentBytes, undefined) ?? "[]";
  } catch (thrown) {
    const reason = CodecError.reasonOf(thrown);
    if (reason === undefined) throw thrown;
    if (reason === "tooDeep")
      refuse(
        "ARGUMENTS_TOO_LARGE",
        `Cannot call mcp.${dotted(path)} as arguments may be nested ${MAX_DEPTH} deep: these are deeper`,
        "Pass flatter arguments.",
      );
    else
      refuse(
        "ARGUMENTS_TOO_LARGE",
        `Cannot call mcp.${dotted(path)} as its arguments may have ${limits.argumentBytes} bytes: these have more`,
        "Pass less, or ask for more with limits.argumentBytes.",
      );
    return undefined;
  }
}

function ignore(): void {
  // The promise that the script holds still rejects.
}

function dotted(path: readonly string[]): string {
  let text = "";
  for (let i = 0; i < path.length; i++) text += (i === 0 ? "" : ".") + (path[i] as string);
  return text;
}

/** One point of the tree: `mcp` itself (not callable), a server, or a tool. */
function createNode(
  path: readonly string[],
  start: StartCall,
  namesOf: (path: readonly string[]) => readonly string[],
): object {
  const children = new MapCtor();
  const child = (key: string): object => {
    let node = mapGet(children, key) as object | undefined;
    if (node === undefined) {
      const childPath: string[] = newList();
      for (let i = 0; i < path.length && i < MAX_NAMES; i++) append(childPath, path[i] as string);
      append(childPath, key);
      node = createNode(freeze(childPath), start, namesOf);
      mapSet(children, key, node);
    }
    return node;
  };
  const text = (): string => nodeText(path, namesOf(path));
  const refuse = (): never => {
    throw new TypeErrorCtor("Cannot change mcp: it is frozen");
  };
  const has = (key: PropertyKey): boolean => typeof key === "string" && includes(namesOf(path), key);
  const handler = {
    __proto__: null,
    get: (_, key) =>
      key === primitiveSymbol
        ? text
        : typeof key === "string" && (!setHas(RESERVED, key) || has(key))
          ? child(key)
          : undefined,
    has: (_, key) => has(key) || (path.length === 0 && typeof key === "string" && includes(METHODS, key)),
    ownKeys: () => copyOf(namesOf(path)),
    getOwnPropertyDescriptor: (_, key) =>
      has(key) ? { value: child(key as string), writable: false, enumerable: true, configurable: true } : undefined,
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

/** How a point of the tree looks in texts: its path, and the names below it. */
function nodeText(path: readonly string[], names: readonly string[]): string {
  const below = names.length === 0 ? "" : `: ${arrayJoin(names, ", ")}`;
  return `[mcp${path.length === 0 ? "" : `.${dotted(path)}`}${below}]`;
}

function includes(list: readonly string[], item: string): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === item) return true;
  return false;
}

function copyOf(list: readonly string[]): string[] {
  const copy: string[] = newList();
  for (let i = 0; i < list.length; i++) append(copy, list[i] as string);
  return copy;
}
