import type { OpenSelector } from '@lever/selector'
import type { ServerSettings } from '@lever/server/settings'
import type { Settings } from '@lever/settings'
import type { VqaModel, VqaModelOptions } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import type { localModelOptions } from '../../options/serve.ts'
import { version } from '../../version.ts'
import { vqaOptionsOf, type ModelChoice } from '../model/model.ts'

export interface ServeOptions extends ServerSettings, LocalModel {
  readonly bundle: string
  readonly embedderModel: string | undefined
  /** Open everything, and stop. */
  readonly check: boolean
}

type LocalModel = Settings<typeof localModelOptions>

/** What was served. */
export interface Served {
  readonly url: string
  readonly bundle: string
  readonly selector: string
  readonly examples: number
  /** Name of the local model; null with an upstream. */
  readonly model: string | null
  readonly selections: number
}

/** Of a crowd the first are answered before the last are begun; larger batches save less than they make all wait. */
const ASKED_TOGETHER = 8

/**
 * Opens a bundle and a model and serves them until the signal.
 * @throws InputError if one of them cannot be opened, or the address cannot be listened on
 */
export async function runServe(options: ServeOptions, context: Context): Promise<Served> {
  const { startServer } = await import('@lever/server')
  const { openSelector } = await import('@lever/selector')
  const { bundle, upstream, check, writable, embedderModel } = options
  const { progress, signal, emit } = context
  const opened = { writable, embedderModel, allowPaths: false, batchSize: ASKED_TOGETHER }
  const selector = await openSelector(bundle, opened)
  let model: VqaModel | undefined
  try {
    if (upstream === undefined) model = await openAnswering(options, selector, context)
    const { env } = process
    const server = await startServer({ settings: options, selector, model, version: version(), env })
    const facts = factsOf(options, selector, model)
    emit?.({ event: 'listening', url: server.url, ...facts })
    progress.info(`serving ${bundle} at ${server.url} (Ctrl-C ends it)`)
    if (!check) await aborted(signal)
    await server.close()
    return { url: server.url, ...facts, selections: selector.stats().selections }
  } finally {
    await selector.close()
    await model?.close()
  }
}

function factsOf(
  { bundle }: ServeOptions,
  { manifest, size }: OpenSelector,
  model: VqaModel | undefined,
): Omit<Served, 'url' | 'selections'> {
  return { bundle, selector: manifest.selector.name, examples: size, model: model?.name ?? null }
}

function localChoice(options: LocalModel): ModelChoice {
  const { model, device, dtype, threads, maxNewTokens, decodingBeams, minPixels, maxPixels } = options
  return {
    ...{ backend: 'onnx', workers: 1, model, device, dtype, threads, maxNewTokens, decodingBeams },
    ...{ minPixels, maxPixels },
  }
}

/** The local model, in a thread of its own: its runs would keep the server from answering. */
async function openAnswering(
  options: ServeOptions,
  { manifest }: OpenSelector,
  { progress }: Context,
): Promise<VqaModel> {
  const { openVqaModel } = await import('@lever/vqa-model')
  const { template } = manifest
  const chosen = await vqaOptionsOf(localChoice(options), progress)
  const model = await openVqaModel({ ...chosen, template } as VqaModelOptions)
  const measured = manifest.evaluation?.protocol?.['model']
  if (measured !== undefined && measured !== model.name) {
    progress.warn(
      `${model.name} answers, and the policy of the bundle was measured with ${measured}; what it chooses may not suit`,
    )
  }
  return model
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
