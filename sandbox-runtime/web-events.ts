import { append, apply, DateCtor, later, StringCtor, TypeErrorCtor, newList } from "./primordials.ts";

interface EventInit {
  readonly bubbles?: unknown;
  readonly cancelable?: unknown;
}

interface Listener {
  readonly type: string;
  readonly callback: unknown;
  readonly capture: boolean;
  readonly once: boolean;
  removed: boolean;
}

interface ListenerOptions {
  readonly capture?: unknown;
  readonly once?: unknown;
  readonly signal?: unknown;
}

/** Has a failure logged: the caller goes on. */
export function report(thrown: unknown): void {
  later(() => {
    throw thrown;
  });
}

/** Calls what a script listens with: a function, or an object with `handleEvent`. */
export function callListener(callback: unknown, target: unknown, event: unknown): void {
  try {
    if (typeof callback === "function") apply(callback, target, [event]);
    else {
      const { handleEvent } = callback as { readonly handleEvent?: unknown };
      if (typeof handleEvent !== "function")
        throw new TypeErrorCtor("Cannot call the event listener: its handleEvent must be a function");
      apply(handleEvent, callback, [event]);
    }
  } catch (thrown) {
    report(thrown);
  }
}

/** State of an event that only targets change. */
interface Dispatch {
  target: unknown;
  stopped: boolean;
  busy: boolean;
}

let dispatchOf: (event: unknown) => Dispatch | undefined;

/** @source WHATWG DOM, Event: what there is to know of one without a tree */
export class Event {
  readonly #type: string;
  readonly #bubbles: boolean;
  readonly #cancelable: boolean;
  readonly #atMs = DateCtor.now();
  readonly #dispatch: Dispatch = { target: null, stopped: false, busy: false };
  #prevented = false;

  static {
    dispatchOf = (event) =>
      typeof event === "object" && event !== null && #dispatch in event ? event.#dispatch : undefined;
  }

  constructor(type: unknown, init?: EventInit | null) {
    this.#type = StringCtor(type);
    this.#bubbles = !!init?.bubbles;
    this.#cancelable = !!init?.cancelable;
  }

  get type(): string {
    return this.#type;
  }
  get bubbles(): boolean {
    return this.#bubbles;
  }
  get cancelable(): boolean {
    return this.#cancelable;
  }
  get defaultPrevented(): boolean {
    return this.#prevented;
  }
  get target(): unknown {
    return this.#dispatch.target;
  }
  get currentTarget(): unknown {
    return this.#dispatch.busy ? this.#dispatch.target : null;
  }
  get timeStamp(): number {
    return this.#atMs;
  }
  preventDefault(): void {
    if (this.#cancelable) this.#prevented = true;
  }
  stopPropagation(): void {
    // An event has one target here: there is nowhere to go on to.
  }
  stopImmediatePropagation(): void {
    this.#dispatch.stopped = true;
  }
}

/** @source WHATWG DOM, EventTarget: a target alone, without a tree */
export class EventTarget {
  #listeners: Listener[] = newList();

  addEventListener(type: unknown, callback: unknown, options?: unknown): void {
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object")
      throw new TypeErrorCtor("Cannot listen: the second argument must be a function or an object with handleEvent");
    const name = StringCtor(type);
    const { capture, once, signal } = optionsOf(options);
    const aborter = signal as { readonly aborted?: unknown; addEventListener?: unknown } | undefined;
    if (aborter !== undefined && typeof aborter.addEventListener !== "function")
      throw new TypeErrorCtor("Cannot listen: the option signal must be an AbortSignal");
    if (aborter?.aborted === true || this.#find(name, callback, !!capture) !== undefined) return;
    append(this.#listeners, { type: name, callback, capture: !!capture, once: !!once, removed: false });
    if (aborter !== undefined)
      apply(aborter.addEventListener as () => void, aborter, [
        "abort",
        () => this.removeEventListener(name, callback, { capture }),
      ]);
  }

  removeEventListener(type: unknown, callback: unknown, options?: unknown): void {
    const found = this.#find(StringCtor(type), callback, !!optionsOf(options).capture);
    if (found !== undefined) this.#remove(found);
  }

  dispatchEvent(event: unknown): boolean {
    const dispatch = dispatchOf(event);
    if (dispatch === undefined) throw new TypeErrorCtor("Cannot dispatch the argument: it must be an Event");
    const { type, defaultPrevented } = event as { readonly type: string; readonly defaultPrevented: boolean };
    dispatch.target = this;
    dispatch.busy = true;
    const listeners = this.#listeners;
    const { length } = listeners;
    for (let i = 0; i < length && !dispatch.stopped; i++) {
      const listener = listeners[i] as Listener;
      if (listener.removed || listener.type !== type) continue;
      if (listener.once) this.#remove(listener);
      callListener(listener.callback, this, event);
    }
    dispatch.busy = false;
    dispatch.stopped = false;
    return !((event as { readonly defaultPrevented: boolean }).defaultPrevented || defaultPrevented);
  }

  #find(type: string, callback: unknown, capture: boolean): Listener | undefined {
    for (let i = 0; i < this.#listeners.length; i++) {
      const listener = this.#listeners[i] as Listener;
      if (listener.type === type && listener.callback === callback && listener.capture === capture) return listener;
    }
    return undefined;
  }

  /** In a new list: one that is being walked stays as it is. */
  #remove(gone: Listener): void {
    gone.removed = true;
    const kept: Listener[] = newList();
    for (let i = 0; i < this.#listeners.length; i++) {
      const listener = this.#listeners[i] as Listener;
      if (listener !== gone) append(kept, listener);
    }
    this.#listeners = kept;
  }
}

function optionsOf(options: unknown): ListenerOptions {
  if (typeof options === "object" && options !== null) return options;
  return { capture: options };
}
