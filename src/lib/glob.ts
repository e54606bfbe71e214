const compiled = new Map<string, RegExp>();
const MAX_COMPILED = 10_000;

/**
 * Whether a name matches a glob in which `*` stands for any run of characters and everything else for itself.
 *
 * @param glob From the configuration or a request.
 * @param name A server's or tool's name.
 */
export function matchesGlob(glob: string, name: string): boolean {
  if (!glob.includes("*")) return glob === name;
  let pattern = compiled.get(glob);
  if (pattern === undefined) {
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    const parts = glob.split(/\*+/u).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"));
    pattern = new RegExp(`^${parts.join("[^]*?")}$`, "u");
    compiled.set(glob, pattern);
  }
  return pattern.test(name);
}

/** Whether a name matches one of the globs. */
export function matchesAnyGlob(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => matchesGlob(glob, name));
}
