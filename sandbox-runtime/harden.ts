import { construct, defineProperty, deleteProperty, objectKeys, ProxyCtor } from "./primordials.ts";

/** Globals that let a script allocate outside the heap limit, share memory or block a thread. */
const REMOVED = ["WebAssembly", "SharedArrayBuffer", "Atomics", "console"] as const;

/**
 * Takes from the global object what no script may have, before any script runs: memory outside the heap limit
 * (WebAssembly, shared and resizable buffers) and blocking waits.
 */
export function harden(): void {
  for (const name of REMOVED) deleteProperty(globalThis, name);
  const Plain = ArrayBuffer;
  for (const method of ["resize", "maxByteLength", "resizable"]) deleteProperty(Plain.prototype, method);
  const handler: ProxyHandler<typeof ArrayBuffer> = {
    construct: (target, args: unknown[], newTarget) => construct(target, [args[0]], newTarget) as object,
  };
  const Fixed = new ProxyCtor(Plain, handler);
  defineProperty(Plain.prototype, "constructor", { value: Fixed, writable: true, configurable: true });
  define({ ArrayBuffer: Fixed });
}

/** Defines globals as the language defines its own: writable, configurable, not enumerable. */
export function define(values: Readonly<Record<string, unknown>>): void {
  const names = objectKeys(values);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    defineProperty(globalThis, name, { value: values[name], writable: true, configurable: true, enumerable: false });
  }
}
