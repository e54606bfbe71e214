import { allowsServer, allowsTool } from "../config/access.ts";
import type { AccessRules } from "../config/principal.ts";
import { canonicalJson } from "../lib/json.ts";
import type { ToolDefinition, UpstreamRegistry } from "../upstream/upstream.ts";
import type { Catalog, CatalogReader, CatalogSource } from "./catalog.ts";
import type { CatalogServer } from "./resolve.ts";
import { narrowTools, toServerTools } from "./server-tools.ts";
import type { LearnedTypes } from "./learned/learned-types.ts";
import { createSnapshot } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";
import { assignIdentifiers } from "./tool-names.ts";

/** Distinct accesses whose catalogs are kept; the one unused longest goes first. */
const MAX_CATALOGS = 256;

interface Listing {
  readonly definitions: readonly ToolDefinition[] | undefined;
  readonly namespace: string;
  readonly made: CatalogServer;
}

/** Where catalogs find what a principal's results have taught. */
export interface LearnedSource {
  /** The same object until there is more. @param principal The principal's id. */
  of(principal: string): LearnedTypes;
}

/**
 * Makes catalogs from what the upstreams list.
 *
 * Tools are prepared once per list of a server and shared by every catalog; a catalog is made once per distinct access and
 * kept until a server's tools change. Both cost nothing to ask for again. What a principal's results have taught is laid over
 * the shared catalog, for this principal alone.
 *
 * @param learned When missing, only what servers declare is shown.
 */
export function createCatalogSource(registry: UpstreamRegistry, learned?: LearnedSource): CatalogSource {
  let version: number | undefined;
  let listings: ReadonlyMap<string, Listing> = new Map();
  const catalogs = new Map<string, Snapshot>();

  const refresh = (): void => {
    if (registry.version === version) return;
    // Read first: what changes while we read is seen at the next turn.
    version = registry.version;
    const next = readListings(registry, listings);
    const same = next.size === listings.size && [...next].every(([name, made]) => listings.get(name) === made);
    if (!same) catalogs.clear();
    listings = next;
  };

  const snapshotFor = (access: AccessRules, narrow: AccessRules | undefined): Snapshot => {
    refresh();
    const key = accessKey(access) + (narrow === undefined ? "" : accessKey(narrow));
    const known = catalogs.get(key);
    const made = known ?? makeSnapshot(listings, narrow === undefined ? [access] : [access, narrow]);
    catalogs.delete(key);
    catalogs.set(key, made);
    if (catalogs.size > MAX_CATALOGS) {
      for (const oldest of catalogs.keys()) {
        catalogs.delete(oldest);
        break;
      }
    }
    return made;
  };

  const current = ({ access, id }: CatalogReader, narrow?: AccessRules): Catalog => {
    const shared = snapshotFor(access, narrow);
    return id === undefined || learned === undefined ? shared : shared.withLearned(learned.of(id));
  };

  return {
    current,
    async settled(reader, narrow, { signal, servers, graceMs } = {}) {
      const names = registry
        .list()
        .map((upstream) => upstream.config.name)
        .filter((name) => servers === undefined || servers.includes(name))
        .filter((name) => allowsServer(reader.access, name) && (narrow === undefined || allowsServer(narrow, name)));
      await registry.settle({
        names,
        ...(signal === undefined ? {} : { signal }),
        ...(graceMs === undefined ? {} : { graceMs }),
      });
      return current(reader, narrow);
    },
  };
}

/** What each server lists now, sorted by name. A server whose list is the same object keeps what was made of it. */
function readListings(registry: UpstreamRegistry, before: ReadonlyMap<string, Listing>): ReadonlyMap<string, Listing> {
  const upstreams = registry.list().toSorted((a, b) => (a.config.name < b.config.name ? -1 : 1));
  const namespaces = assignIdentifiers(upstreams.map((upstream) => upstream.config.name));
  const listings = new Map<string, Listing>();
  for (const upstream of upstreams) {
    const { name, trustAnnotations, classes } = upstream.config;
    const namespace = namespaces.get(name) ?? name;
    const definitions = upstream.knownTools();
    const known = before.get(name);
    if (known !== undefined && known.definitions === definitions && known.namespace === namespace) {
      listings.set(name, known);
    } else {
      const tools = definitions && toServerTools(name, namespace, definitions, trustAnnotations, classes);
      listings.set(name, { definitions, namespace, made: { server: name, namespace, tools } });
    }
  }
  return listings;
}

function makeSnapshot(listings: ReadonlyMap<string, Listing>, rules: readonly AccessRules[]): Snapshot {
  const visible: CatalogServer[] = [];
  for (const [name, { made }] of listings) {
    if (!rules.every((rule) => allowsServer(rule, name))) continue;
    const tools = made.tools && narrowTools(made.tools, (tool) => rules.every((rule) => allowsTool(rule, tool)));
    visible.push(tools === made.tools ? made : { ...made, tools });
  }
  return createSnapshot(visible);
}

/** Rules are immutable, and the same object is asked for at every call. */
const keysByRules = new WeakMap<AccessRules, string>();

/** Text that is the same for rules that say the same. Lists keep their order: it is cheap to have one catalog too many. */
function accessKey(rules: AccessRules): string {
  let key = keysByRules.get(rules);
  if (key === undefined) {
    const { servers, tools, classes } = rules;
    key = canonicalJson({ servers, tools: tools && Object.fromEntries(tools), classes });
    keysByRules.set(rules, key);
  }
  return key;
}
