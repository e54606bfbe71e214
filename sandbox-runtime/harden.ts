import {
  append,
  apply,
  construct,
  define,
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  newList,
  objectKeys,
  ProxyCtor,
  RangeErrorCtor,
  StringCtor,
} from "./primordials.ts";

/** Globals that let a script allocate outside the heap limit, share memory, block a thread, or run when it was not entered. */
const REMOVED = ["WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "console"] as const;

/**
 * Takes from the global object what no script may have, before any script runs: memory outside the heap limit
 * (WebAssembly, shared and resizable buffers, the normal form of a very long text), blocking waits, and callbacks of the garbage collector, which V8 calls when no
 * entry is open: what they compute no limit would count.
 */
export function harden(): void {
  for (let i = 0; i < REMOVED.length; i++) deleteProperty(globalThis, REMOVED[i] as string);
  const Plain = ArrayBuffer;
  for (const method of ["resize", "maxByteLength", "resizable"]) deleteProperty(Plain.prototype, method);
  // Without a prototype: a trap that a script puts on Object.prototype would be handed the constructor behind the proxy.
  const handler = {
    __proto__: null,
    construct: (target: typeof ArrayBuffer, args: readonly unknown[], newTarget: () => void) =>
      construct(target, [args[0]], newTarget) as object,
  } as unknown as ProxyHandler<typeof ArrayBuffer>;
  const Fixed = new ProxyCtor(Plain, handler);
  define(Plain.prototype, "constructor", Fixed, false);
  defineValues({ ArrayBuffer: Fixed });
  boundNormalize();
}

/** Longest text that is normalised, in UTF-16 units. @source measured: NFKD of 16 Mi units takes 1.2 GiB outside the heap */
const MAX_NORMALIZED = 2_097_152;

/** Bounds what `normalize` takes: it works outside the heap limit, where a text may become eighteen times as long. */
function boundNormalize(): void {
  const { normalize: plain } = String.prototype as { readonly normalize: (...args: unknown[]) => string };
  const bounded = {
    normalize(this: unknown, ...form: unknown[]): string {
      const isText = this !== undefined && this !== null && typeof this !== "symbol";
      const text = isText ? StringCtor(this) : this;
      if (isText && (text as string).length > MAX_NORMALIZED)
        throw new RangeErrorCtor(
          `Cannot normalize the text as it may have ${MAX_NORMALIZED} characters: it has ${(text as string).length}`,
        );
      return apply(plain, text, form);
    },
  };
  replaceMember(String.prototype, "normalize", bounded);
}

/** Makes what a `WeakRef` refers to live as long as the run: `deref` must not tell when memory was collected. */
export function pinWeakRefs(): void {
  const pinned: unknown[] = newList();
  const handler = {
    __proto__: null,
    construct(target: WeakRefConstructor, args: readonly unknown[], newTarget: () => void) {
      const ref = construct(target, args, newTarget);
      append(pinned, args[0]);
      return ref;
    },
  } as unknown as ProxyHandler<WeakRefConstructor>;
  const Pinning = new ProxyCtor(WeakRef, handler);
  define(WeakRef.prototype, "constructor", Pinning, false);
  defineValues({ WeakRef: Pinning });
}

/** Puts a member, which keeps its name as a function, in the place of the one of its key; not enumerable. */
export function replaceMember(target: object, key: PropertyKey, members: object): void {
  const member = { ...getOwnPropertyDescriptor(members, key), __proto__: null, enumerable: false };
  defineProperty(target, key, member as PropertyDescriptor);
}

/** Defines globals as the language defines its own: writable, configurable, not enumerable. */
export function defineValues(values: Readonly<Record<string, unknown>>): void {
  const names = objectKeys(values);
  for (let i = 0; i < names.length; i++) define(globalThis, names[i] as string, values[names[i] as string], false);
}

/** Defines a global that a script can neither replace nor remove. */
export function fix(name: string, value: unknown): void {
  defineProperty(globalThis, name, {
    __proto__: null,
    value,
    writable: false,
    enumerable: false,
    configurable: false,
  } as PropertyDescriptor);
}

/** Defines globals whose values are made when they are first read; from then on they are like all others. */
export function defineLazy<Name extends string>(names: readonly Name[], load: (name: Name) => unknown): void {
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as Name;
    defineProperty(globalThis, name, {
      __proto__: null,
      get: () => {
        const value = load(name);
        define(globalThis, name, value, false);
        return value;
      },
      set: (value: unknown) => define(globalThis, name, value, false),
      enumerable: false,
      configurable: true,
    } as PropertyDescriptor);
  }
}
