import { dirname } from "node:path";
import type { BuildOptions, Plugin } from "esbuild";

/** A module of the runtime that travels as text and is evaluated when it is first called. */
export interface LazyModule {
  /** Path of the module; it exports one function. */
  readonly path: string;
  /** Name of that function. */
  readonly exportName: string;
  /** Modules beside it that the rest of the bundle has anyway: it borrows theirs instead of bringing its own. */
  readonly borrows: readonly string[];
}

/**
 * Puts a text where a module would be: an isolate whose script never calls its function then neither compiles nor runs
 * any of it.
 *
 * The text is a function of what it borrows, so that it works with the builtins captured before any script ran.
 *
 * @param shared Build options of the bundle.
 */
export function lazyModule({ path, exportName, borrows }: LazyModule, shared: BuildOptions): Plugin {
  return {
    name: "lazy module",
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, async (args) => {
        if (args.path !== path) return undefined;
        const built = await bundler.esbuild.build({
          ...shared,
          entryPoints: [path],
          format: "esm",
          external: borrows.map((name) => `./${name}`),
          write: false,
        });
        const { text, imports } = toFunctionText(built.outputFiles[0]?.text ?? "", exportName);
        const lent = [...imports.values()].flatMap((names) => [...names]);
        return {
          contents: [
            ...[...imports].map(([from, names]) => `import { ${[...names].join(", ")} } from ${JSON.stringify(from)};`),
            "const evaluate = eval;",
            // Not a spread: a script that replaced how lists are iterated would be handed what is passed.
            "const applyTo = Reflect.apply;",
            `const text = ${JSON.stringify(text)};`,
            `export const ${exportName} = (...args) => applyTo(evaluate(text)({ ${lent.join(", ")} }), undefined, args);`,
          ].join("\n"),
          resolveDir: dirname(path),
        };
      });
    },
  };
}

/** A module's text as an expression, a function of what it imports; and these imports, names by module. */
function toFunctionText(
  module: string,
  exportName: string,
): { readonly text: string; readonly imports: ReadonlyMap<string, ReadonlySet<string>> } {
  const imports = new Map<string, Set<string>>();
  const unbound = module.replaceAll(/import\s*\{([^}]*)\}\s*from\s*("[^"]*");?/gu, (_, list: string, from: string) => {
    const path = JSON.parse(from) as string;
    const items = list.split(",").map((item) => item.trim().split(/\s+as\s+/u));
    const names = imports.get(path) ?? new Set();
    imports.set(path, names);
    for (const [name = ""] of items) names.add(name);
    return `const{${items.map(([name = "", local = name]) => `${name}:${local}`).join(",")}}=lent;`;
  });
  const body = unbound.replace(/export\s*\{\s*([\w$]+)(?:\s+as\s+[\w$]+)?\s*\};?\s*$/u, "return $1;");
  if (imports.size === 0 || body === unbound || /\b(?:import|export)\b\s*[{*]/u.test(body))
    throw new Error(`Cannot make ${exportName} a text as its module must export it alone: its bundle has another form`);
  return { text: `(function(lent){"use strict";${body}})\n//# sourceURL=runlet:web`, imports };
}
