import {
  functionToString,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  ObjectCtor,
  objectPrototype,
  stringIndexOf,
  stringSlice,
  stringToLowerCase,
  tagSymbol,
} from "./primordials.ts";

/** Prototypes that are looked through: a proxy may tell another one for ever. */
const MAX_PROTOTYPES = 100;
/** Prototypes that are asked when an object's own chain tells no class. */
const MAX_ASKED = 4;
const asyncPrototype = getPrototypeOf(async () => undefined);
const generatorPrototype = getPrototypeOf(function* () {
  yield undefined;
});
const asyncGeneratorPrototype = getPrototypeOf(async function* () {
  yield undefined;
});

/** An own member that is no accessor. */
function ownValue(holder: object, key: PropertyKey): unknown {
  return getOwnPropertyDescriptor(holder, key)?.value;
}

/**
 * Name of the class an object is of; `undefined` for one without prototype. One whose prototypes tell none is an `Object`
 * with its nearest prototype that does, in brackets.
 */
export function className(value: object, asked = 0): string | undefined {
  const first = getPrototypeOf(value);
  if (first === objectPrototype && !hasOwn(value, "constructor") && ownValue(first, "constructor") === ObjectCtor)
    return "Object";
  let current: object | null = value;
  for (let depth = 0; current !== null && depth < MAX_PROTOTYPES; depth++) {
    const maker = ownValue(current, "constructor");
    if (typeof maker === "function") {
      const name = ownValue(maker, "name");
      if (typeof name === "string" && name !== "" && isInstance(value, maker)) return name;
    }
    current = getPrototypeOf(current);
  }
  if (first === null) return undefined;
  const above = asked < MAX_ASKED ? className(first, asked + 1) : "Object";
  return above === undefined ? "Object <[Object: null prototype] {}>" : `Object <${above}>`;
}

function isInstance(value: object, maker: object): boolean {
  const prototype = ownValue(maker, "prototype");
  let current = getPrototypeOf(value);
  for (let depth = 0; current !== null && depth < MAX_PROTOTYPES; depth++) {
    if (current === prototype) return true;
    current = getPrototypeOf(current);
  }
  return false;
}

/** `Symbol.toStringTag` of an object, unless it is a member that is shown anyway; empty when there is none. */
export function tagOf(value: object): string {
  try {
    const tag = (value as { readonly [tagSymbol]?: unknown })[tagSymbol];
    if (typeof tag !== "string" || getOwnPropertyDescriptor(value, tagSymbol)?.enumerable === true) return "";
    return tag;
  } catch {
    return ""; // A getter's own doing.
  }
}

/** What stands before an object's brace: its class, how much it holds, its tag. */
export function prefix(name: string | undefined, tag: string, fallback: string, size = ""): string {
  if (name === undefined)
    return `[${fallback}${size}: null prototype] ${tag !== "" && tag !== fallback ? `[${tag}] ` : ""}`;
  return `${name}${size} ${tag !== "" && !endsWord(name, tag) ? `[${tag}] ` : ""}`;
}

/** Whether the name holds the tag as a word: `MapIterator` tells `Map`, `Mapping` does not. */
function endsWord(name: string, tag: string): boolean {
  const at = stringIndexOf(name, tag);
  if (at < 0) return false;
  const next = stringSlice(name, at + tag.length, at + tag.length + 1);
  return next === "" || next !== stringToLowerCase(next);
}

/** How a function or a class is told. */
export function functionText(value: object, name: string | undefined, tag: string): string {
  const own = ownValue(value, "name");
  const text = functionToString(value);
  const isClass = stringIndexOf(text, "class") === 0 && stringIndexOf(" {\n\t/", stringSlice(text, 5, 6)) >= 0;
  const tagged = tag !== "" && tag !== name ? ` [${tag}]` : "";
  if (isClass) {
    const said = typeof own === "string" && own !== "" ? own : "(anonymous)";
    const kind = name !== "Function" && name !== undefined ? ` [${name}]` : "";
    return `[class ${said}${kind}${tagged}${superText(value, name)}]`;
  }
  const prototype = getPrototypeOf(value);
  const type =
    prototype === asyncPrototype
      ? "AsyncFunction"
      : prototype === generatorPrototype
        ? "GeneratorFunction"
        : prototype === asyncGeneratorPrototype
          ? "AsyncGeneratorFunction"
          : "Function";
  const said = typeof own === "string" && own !== "" ? `: ${own}` : " (anonymous)";
  const kind = name !== type && name !== undefined ? ` ${name}` : "";
  return `[${type}${name === undefined ? " (null prototype)" : ""}${said}]${kind}${tagged}`;
}

function superText(value: object, name: string | undefined): string {
  if (name === undefined) return " extends [null prototype]";
  const above = getPrototypeOf(value);
  const aboveName = above === null ? undefined : ownValue(above, "name");
  return typeof aboveName === "string" && aboveName !== "" ? ` extends ${aboveName}` : "";
}
