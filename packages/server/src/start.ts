import type { AddressInfo } from 'node:net'
import type { OpenSelector } from '@lever/selector'
import type { VqaModel } from '@lever/vqa-model'
import { InputError } from '@lever/durable-files'
import { pino, type DestinationStream } from 'pino'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { createApp } from './app.ts'
import { createLocal } from './chat/local.ts'
import { createUpstream } from './chat/upstream.ts'
import { createGate } from './guard/gate.ts'
import { createHostCheck, requireKeyFor } from './guard/hosts.ts'
import { createKeyCheck, readKey } from './guard/key.ts'
import { createLog } from './http/log.ts'
import { createMetrics } from './http/metrics.ts'
import { openHeldImages, type HeldImages } from './images/held-images.ts'
import { openImage, type ImageRules } from './images/open-image.ts'
import { allRoutes } from './routes/all.ts'
import type { Answerer, Serving } from './routes/serving.ts'
import type { ServerSettings } from './settings.ts'

/** The bundle, the model that answers, and how the server listens. */
export interface StartOptions {
  /** Address, limits and keys: `readSettings(serverSettings, ...)` fills in what is left out */
  readonly settings: ServerSettings
  /** an open bundle; the caller closes it */
  readonly selector: OpenSelector
  /** answers chats where there is no upstream */
  readonly model?: VqaModel | undefined
  /** of this software, for its documents */
  readonly version: string
  /** of keys: LEVER_SERVE_KEY and LEVER_UPSTREAM_KEY */
  readonly env: Readonly<Record<string, string | undefined>>
  /** takes the lines of the log; standard error where it is left out */
  readonly log?: DestinationStream
}

export const START_OPTIONS: OptionNames<StartOptions> = {
  settings: true,
  selector: true,
  model: true,
  version: true,
  env: true,
  log: true,
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string
  /** Requests that are worked on end, at most `seconds` long; new ones are refused. A second call waits for the first. */
  close(seconds?: number): Promise<void>
}

/** Below the grace of the command and of most service managers. */
const CLOSE_SECONDS = 8

/**
 * Starts to listen.
 *
 * @throws InputError if a setting is wrong, others would reach it without a key, or the address is not free
 */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  refuseUnknownOptions(options, START_OPTIONS, 'server: startServer')
  const { settings, selector, version, env } = options
  const key = await readKey({ ...settings, env })
  requireKeyFor(settings.host, key, settings.withoutKey)
  const images: ImageRules = {
    bytes: Math.floor(settings.maxImage * 2 ** 20),
    hosts: settings.imageHosts.map((host) => host.toLowerCase()),
  }
  const held = await openHeldImages()
  let isStopping = false
  const gate = createGate(settings.maxRequests)
  const metrics = createMetrics({ inside: () => gate.inside, examples: () => selector.size })
  try {
    const serving: Serving = {
      ...{ version, selector, metrics, images },
      answerer: createAnswerer(options, { images, held, hasOwnKey: key !== undefined }),
      writable: settings.writable,
      timeout: settings.timeout,
      isReady: () => !isStopping,
    }
    const log = createLog(settings.logLevel, options.log ?? pino.destination(2))
    const app = createApp(
      {
        ...{ log, gate, metrics, maxBody: settings.maxBody, isStopping: () => isStopping },
        checkHost: createHostCheck(settings.host, settings.hostNames),
        checkKey: key === undefined ? undefined : createKeyCheck(key),
      },
      (raw) => allRoutes(serving, raw),
    )
    await app.listen({ host: settings.host, port: settings.port }).catch((cause: unknown) => {
      throw new InputError(
        `server: cannot listen on ${settings.host} port ${settings.port}: ${(cause as Error).message}`,
        { cause },
      )
    })
    const { port } = app.server.address() as AddressInfo
    const name = settings.host.includes(':') ? `[${settings.host}]` : settings.host
    let closing: Promise<void> | undefined
    const end = async (seconds: number): Promise<void> => {
      isStopping = true
      const timer = setTimeout(() => app.server.closeAllConnections(), seconds * 1_000)
      await app.close()
      clearTimeout(timer)
      metrics.close()
      await held.close()
    }
    return {
      url: `http://${name}:${port}`,
      close: (seconds = CLOSE_SECONDS) => (closing ??= end(seconds)),
    }
  } catch (error) {
    metrics.close()
    await held.close()
    throw error
  }
}

function createAnswerer(
  { settings: { upstream: url, timeout }, selector, model, env }: StartOptions,
  { images, held, hasOwnKey }: { images: ImageRules; held: HeldImages; hasOwnKey: boolean },
): Answerer {
  if (url !== undefined) {
    const upstream = createUpstream({ url, key: env['LEVER_UPSTREAM_KEY'], hasOwnKey, timeout })
    return { name: 'upstream', isLocal: false, ...upstream }
  }
  if (model === undefined) throw new InputError('server: neither an upstream nor a model is given to answer')
  const { name } = model
  const open = (image: string): Promise<Uint8Array> => openImage(image, images)
  const local = createLocal({
    model,
    template: selector.manifest.template,
    images: held,
    open,
    now: Date.now,
  })
  const models = { object: 'list', data: [{ id: name, object: 'model', created: 0, owned_by: 'lever' }] }
  return {
    ...{ name, isLocal: true },
    complete: (call) => local.complete(call),
    models: () =>
      Promise.resolve({
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(models),
      }),
  }
}
