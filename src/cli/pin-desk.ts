import { Pins } from "../catalog/guard/pins.ts";
import type { ShownPins } from "../catalog/guard/pin-view.ts";
import { LOCAL_PRINCIPAL } from "../config/principal.ts";
import { systemClock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { createSqliteStores } from "../store/sqlite/create-sqlite-stores.ts";
import { isHeldElsewhere } from "../store/sqlite/open-database.ts";
import type { Stores } from "../store/stores.ts";
import { runningService, serviceUrlOf } from "./http-caller.ts";
import type { HttpCaller } from "./http-caller.ts";
import type { CliIo } from "./io.ts";
import { loadSettings } from "./settings.ts";

/** Pins wherever they are kept: in a service that runs, or in the data folder of one that does not. */
export interface PinDesk {
  /** Every server that is pinned. */
  list(): Promise<readonly ShownPins[]>;
  /** @throws NOT_FOUND */
  show(server: string): Promise<ShownPins>;
  /**
   * @param tools All that changed when empty.
   * @param digest Of what was shown.
   * @throws NOT_FOUND; PINS_CHANGED when the server lists something else than what was shown.
   */
  approve(server: string, tools: readonly string[], digest?: string): Promise<ShownPins>;
  /** @throws NOT_FOUND */
  reset(server: string): Promise<ShownPins>;
  close(): Promise<void>;
}

/**
 * Opens the pins that a command is about: of the service that is named; else of the data folder; else, where a process holds
 * that, of the service at the configured address.
 *
 * @throws CONFIG_INVALID when the data folder cannot be used. What the service refuses is thrown as a `ServiceRefusal`.
 */
export async function openPins(
  values: ReadonlyMap<string, string | boolean>,
  io: CliIo,
  stopped: AbortSignal,
): Promise<PinDesk> {
  if (serviceUrlOf(values, io) !== undefined) return remoteDesk(runningService(values, io, stopped));
  const { config } = loadSettings(values, io, { logLevel: "warn" });
  if (config.dataDir === ":memory:") {
    throw new RunletError(
      "CONFIG_INVALID",
      "Cannot open the pins as dataDir must be a folder: current value is :memory:.",
      {
        hint: "Ask the service that runs: --url URL and --key KEY.",
      },
    );
  }
  try {
    return await localDesk(createSqliteStores(config.dataDir));
  } catch (error) {
    if (!isHeldElsewhere(error)) throw error;
    return remoteDesk(runningService(values, io, stopped));
  }
}

async function localDesk(stores: Stores): Promise<PinDesk> {
  const pins = await Pins.create({ store: stores.pins, clock: systemClock, log: silentLog });
  const show = (server: string): ShownPins => {
    if (pins.servers.includes(server)) return pins.show(server);
    const known = pins.servers.length === 0 ? "none is" : pins.servers.join(", ");
    throw new RunletError("NOT_FOUND", `Cannot find server ${JSON.stringify(server)} as it must be pinned: ${known}.`, {
      hint: "A server is pinned when it is used first.",
    });
  };
  return {
    list: async () => pins.servers.map((server) => pins.show(server)),
    show: async (server) => show(server),
    async approve(server, tools, digest) {
      await pins.approve(show(server).server, LOCAL_PRINCIPAL.id, tools.length === 0 ? undefined : tools, digest);
      return pins.show(server);
    },
    async reset(server) {
      await pins.reset(show(server).server, LOCAL_PRINCIPAL.id);
      return pins.show(server);
    },
    close: () => stores.close(),
  };
}

function remoteDesk(service: HttpCaller): PinDesk {
  const path = (server: string): string => `/servers/${encodeURIComponent(server)}/pins`;
  // The service is ours; what it answers is only shown.
  const shown = async (answer: Promise<unknown>): Promise<ShownPins> => (await answer) as ShownPins;
  return {
    async list() {
      const { servers } = (await service.send("GET", "/servers")) as unknown as {
        readonly servers: readonly { readonly name: string }[];
      };
      const all: ShownPins[] = [];
      // One after the other: each may be large.
      for (const { name } of servers) all.push(await shown(service.send("GET", path(name))));
      return all.filter(({ state }) => state !== "new");
    },
    show: (server) => shown(service.send("GET", path(server))),
    approve: (server, tools, digest) => {
      const body = { ...(tools.length > 0 && { tools }), ...(digest !== undefined && { digest }) };
      return shown(service.send("POST", `${path(server)}/approve`, body));
    },
    reset: (server) => shown(service.send("DELETE", path(server))),
    close: async () => undefined,
  };
}
