/**
 * Whether a name matches a glob in which `*` stands for any run of characters and everything else for itself. Takes time
 * linear in the name for each part of the glob, whatever both are: either may come from a caller.
 *
 * @param glob From the configuration or a request.
 * @param name A server's or tool's name.
 */
export function matchesGlob(glob: string, name: string): boolean {
  const [head = "", ...parts] = glob.split("*");
  const tail = parts.pop();
  if (tail === undefined) return glob === name;
  const end = name.length - tail.length;
  let from = head.length;
  if (from > end || !name.startsWith(head) || !name.endsWith(tail)) return false;
  // Taking each part where it comes first leaves the most for those after it.
  for (const part of parts) {
    const at = name.indexOf(part, from);
    if (at === -1 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

/** Whether a name matches one of the globs. */
export function matchesAnyGlob(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => matchesGlob(glob, name));
}
