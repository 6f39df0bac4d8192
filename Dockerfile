# lever serve in a container; docs/serving.md says how to run it.
#   docker build -t lever-serve .
FROM node:20-bookworm-slim AS build
WORKDIR /lever
COPY . .
# The registry's packages bring their binaries; no install script runs. What only builds and tests is left out at the end.
RUN npm ci --ignore-scripts --no-audit --no-fund \
 && npm run build \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/onnxruntime-web node_modules/.cache .turbo \
      node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /lever
COPY --from=build /lever/package.json ./
COPY --from=build /lever/node_modules ./node_modules
COPY --from=build /lever/packages ./packages
COPY --from=build /lever/apps/cli ./apps/cli
COPY --from=build /lever/fixtures/shapes-vqa ./fixtures/shapes-vqa
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --start-period=20s \
  CMD node -e "fetch('http://127.0.0.1:8080/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
# exec form: SIGTERM reaches the server itself, which then ends within 10 s.
ENTRYPOINT ["node", "apps/cli/bin/lever.js", "serve", "--bundle", "/bundle", "--host", "0.0.0.0"]
