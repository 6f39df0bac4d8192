import type { BackendName, ModelContext, ModelProtocol, VqaModel, VqaModelOptions } from '@lever/vqa-model'
import type { Example } from '@lever/vqa-dataset'
import type { BackendSettings } from '@lever/vqa-model/backends'
import { BUNDLED_MODEL } from '../../files.ts'
import type { Progress } from '@lever/terminal'

/** A VQA model as options name it. */
export interface ModelChoice extends Partial<BackendSettings> {
  /** Undefined: the bundled one, or the only one of a server. */
  readonly model: string | undefined
  readonly backend: BackendName
  /** What answers will be scored by (`metricOf`), for the protocol. */
  readonly metric?: string
}

/** @throws InputError if the model cannot be opened, or an option is wrong */
export async function openModel(choice: ModelChoice, progress: Progress): Promise<VqaModel> {
  const { openVqaModel } = await import('@lever/vqa-model')
  return openVqaModel(await vqaOptionsOf(choice, progress))
}

/** @throws InputError when no query, or no example of the pool, has what a model shows */
export async function requireShown(
  model: ModelProtocol,
  { queries, pool }: { readonly queries: readonly Example[]; readonly pool: readonly Example[] },
): Promise<void> {
  const { requireInputs } = await import('@lever/vqa-model')
  requireInputs(model, queries, 'the queries')
  requireInputs(model, pool, 'the pool')
}

/**
 * Name and protocol of a model that runs elsewhere.
 * @throws as `openModel`
 */
export async function readModelProtocol(choice: ModelChoice, progress: Progress): Promise<ModelProtocol> {
  const { readProtocol } = await import('@lever/vqa-model')
  return readProtocol(await vqaOptionsOf(choice, progress))
}

/**
 * The options of the model, checked as far as that goes without opening it.
 * @throws InputError for an option that is wrong, or that the backend cannot do
 */
export async function vqaOptionsOf(choice: ModelChoice, progress: Progress): Promise<VqaModelOptions> {
  const { modelOptions } = await import('@lever/vqa-model')
  const { backend, model, metric, ...settings } = choice
  const context: ModelContext = {
    ...{ model, metric, bundled: BUNDLED_MODEL, env: process.env },
    onNotice: (line) => progress.info(line),
  }
  return modelOptions(backend, settings, context)
}

/** Prompts per call of a model, and calls at one time: an answer of a server is kept as soon as it is there. */
export function callsOf(
  { calls }: VqaModel,
  batchSize: number,
): { readonly batchSize: number; readonly concurrency: number } {
  return { batchSize: calls.sharesWork ? batchSize : 1, concurrency: calls.concurrency }
}
