# The image of `runlet serve`: Debian slim, Node 24, no root, nothing written outside /data and /tmp.
#
#   docker build -t runlet:local .
#   docker run --rm runlet:local keys create agent --json       a key, and its hash for the configuration
#   docker run --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -p 127.0.0.1:8377:8377 -v runlet-data:/data -v ./runlet.yaml:/etc/runlet/runlet.yaml:ro runlet:local
#
# The service listens beyond loopback here, so it starts only with at least one client configured; docker-compose.yml
# shows a whole set-up. Podman keeps the health check only with `podman build --format docker`.
#
# MCP servers on stdio run inside this container. Either let npx fetch them at their first start (kept in /data/home),
#     command: npx
#     args: ["--yes", "@modelcontextprotocol/server-memory@2026.8.31"]
# or, with nothing fetched at run time, build them in:
#     FROM runlet:local
#     USER root
#     RUN npm install --global @modelcontextprotocol/server-memory@2026.8.31
#     USER 1000:1000
# and configure `command: mcp-server-memory`. Servers in Python and the like need their interpreter in such an image too.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY sandbox-runtime ./sandbox-runtime
COPY src ./src
RUN npm run build
# Half of what is left are source maps, sources and declarations: Node runs no TypeScript under node_modules. The compiler
# that checks scripts needs its own declarations of the language.
RUN npm prune --omit=dev --no-audit --no-fund \
 && find node_modules -type f -not -path 'node_modules/@typescript/*' \( -name '*.map' -o -name '*.[mc]ts' -o -name '*.ts' -o -name '*.tgz' \) -delete

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="runlet" \
      org.opencontainers.image.description="Sandboxed code-mode execution service: one script, many MCP tool calls" \
      org.opencontainers.image.licenses="Apache-2.0"

# Keeps executor processes in namespaces where the container runtime lets it; prlimit, nice, setpriv and unshare are there
# already. Default seccomp profiles refuse user namespaces to containers: then the container itself is the boundary, the
# log and /readyz say so, and `doctor` says what was refused. To have both, a profile has to allow what bwrap does
# (--security-opt seccomp=FILE, and --security-opt apparmor=unconfined where AppArmor is on).
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bubblewrap \
 && rm -rf /var/lib/apt/lists/*

# HOME is in the volume: npx keeps what it fetched there, and needs a place where programs may be executed, which a
# tmpfs is not by default. A new named volume takes the owner that these folders have here.
RUN mkdir -p /data/home /etc/runlet && chown -R 1000:1000 /data
ENV NODE_ENV=production \
    HOME=/data/home \
    RUNLET_CONFIG=/etc/runlet/runlet.yaml \
    RUNLET_DATA_DIR=/data

# All of it belongs to root: the service cannot change its own program.
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./

# By number, so that orchestrators can see that it is not root.
USER 1000:1000
VOLUME ["/data"]
EXPOSE 8377
HEALTHCHECK --interval=10s --timeout=3s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.RUNLET_PORT || 8377) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve", "--host", "0.0.0.0"]
