import { define, ErrorCtor, StringCtor, stringIndexOf, stringSlice } from "./primordials.ts";

type DomExceptionClass = new (message?: unknown, name?: unknown) => Error;

/** Names that have a legacy code; the code is the place in the list. @source Web IDL, DOMException names */
const NAMES =
  " IndexSizeError  HierarchyRequestError WrongDocumentError InvalidCharacterError  NoModificationAllowedError " +
  "NotFoundError NotSupportedError InUseAttributeError InvalidStateError SyntaxError InvalidModificationError " +
  "NamespaceError InvalidAccessError  TypeMismatchError SecurityError NetworkError AbortError URLMismatchError " +
  "QuotaExceededError TimeoutError InvalidNodeTypeError DataCloneError ";

let made: DomExceptionClass | undefined;

/** The class `DOMException`; made when it is first needed. */
export function domExceptionClass(): DomExceptionClass {
  made ??= createClass();
  return made;
}

/** An error of the web's kind. @param name As in the standards, such as `DataCloneError`. */
export function domException(message: string, name: string): Error {
  return new (domExceptionClass())(message, name);
}

function createClass(): DomExceptionClass {
  return class DOMException extends ErrorCtor {
    readonly #code: number;

    constructor(message: unknown = "", name: unknown = "Error") {
      const text = StringCtor(message);
      const ownName = StringCtor(name);
      super(text);
      this.#code = codeOf(ownName);
      define(this, "message", text, false);
      define(this, "name", ownName, false);
      const { stack } = this;
      const from = typeof stack === "string" ? stringIndexOf(stack, "\n    at ") : -1;
      define(this, "stack", `${ownName}: ${text}${from < 0 ? "" : stringSlice(stack as string, from)}`, false);
    }

    get code(): number {
      return this.#code;
    }
  };
}

/** The name's legacy code; 0 for names that have none. */
function codeOf(name: string): number {
  const at = name === "" || stringIndexOf(name, " ") >= 0 ? -1 : stringIndexOf(NAMES, ` ${name} `);
  let code = 0;
  for (let i = 0; i <= at; i++) if (NAMES[i] === " ") code++;
  return code;
}
