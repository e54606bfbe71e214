import { construct, define, defineProperty, deleteProperty, objectKeys, ProxyCtor } from "./primordials.ts";

/** Globals that let a script allocate outside the heap limit, share memory, block a thread, or run when it was not entered. */
const REMOVED = ["WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "console"] as const;

/**
 * Takes from the global object what no script may have, before any script runs: memory outside the heap limit
 * (WebAssembly, shared and resizable buffers), blocking waits, and callbacks of the garbage collector, which V8 calls when no
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
