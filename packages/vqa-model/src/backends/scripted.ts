import { access, constants } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { hashFile, InputError, requirePath } from '@lever/durable-files'
import type { Backend } from './backend.ts'
import { getPostprocess, type PostprocessName } from '../postprocess.ts'
import { hashProtocol, type Protocol } from '../protocol.ts'
import { requireScoreAnswers } from '../scores-only.ts'
import { emptyStats } from '../stats.ts'
import type { AnswerOptions, ScoredAnswer, Answer, BackendModel, Prompt } from '../types.ts'

/** What a script says: the text, or the text with the scores of `prompt.scoreAnswers`. */
export type ScriptedReply = string | { raw: string; scores?: readonly ScoredAnswer[] }

/** What answers in place of a model. */
export type Script = (prompt: Prompt) => ScriptedReply | Promise<ScriptedReply>

/** A function that answers, for tests and dry runs. */
export interface ScriptedOptions {
  /** name of the model, or with no `script` the path of a module whose default export is the script */
  model?: string
  /** what answers; without it the module that `model` names is loaded */
  script?: Script
  /** read nothing: do not ask whether the images exist */
  checkImages?: boolean
  /** what of the written text is the answer; `trim` when left out */
  postprocess?: PostprocessName
  /** what answers will be scored by; recorded in the protocol, `vqa-loo` when left out */
  metric?: string
}

const settings = {} as const

/** A module whose default export answers. */
export const scripted: Backend<ScriptedOptions, typeof settings> = {
  about: 'a module whose default export answers',
  settings,
  toOptions(_, { model, metric }) {
    if (model === undefined) {
      throw new InputError('--backend scripted needs --model, a module whose default export answers')
    }
    return { model, ...(metric !== undefined && { metric }) }
  },
  optionNames: { model: true, script: true, checkImages: true, postprocess: true, metric: true },
  open: openScriptedModel,
}

/**
 * A model that is a function, for tests and dry runs.
 *
 * @throws InputError if the module cannot be loaded or exports no function
 */
export async function openScriptedModel({
  model = 'scripted',
  script,
  checkImages = true,
  postprocess = 'trim',
  metric = 'vqa-loo',
}: ScriptedOptions): Promise<BackendModel> {
  const files: Record<string, string> = {}
  const run = script ?? (await loadScript(model, files))
  const finish = getPostprocess(postprocess)
  const protocol: Protocol = {
    backend: 'scripted',
    model: script === undefined ? 'module' : model,
    files,
    template: 'none',
    system: null,
    decoding: { maxNewTokens: 0, beams: 1 },
    pixels: { min: 0, max: 0 },
    postprocess,
    metric,
  }
  const stats = emptyStats()
  let closed = false

  async function one(prompt: Prompt, scoresOnly: boolean): Promise<Answer> {
    stats.prompts += 1
    try {
      if (checkImages) await findImages(prompt)
      const reply = await run(prompt)
      const { raw, scores } = typeof reply === 'string' ? { raw: reply } : reply
      const written = scoresOnly ? '' : raw
      return { text: finish(written), raw: written, ...(scores === undefined ? {} : { scores }) }
    } catch (error) {
      stats.failed += 1
      return { text: '', raw: '', error: error instanceof Error ? error.message : String(error) }
    }
  }

  return {
    name: protocol.model,
    protocol,
    protocolHash: hashProtocol(protocol),
    needs: 'either',
    calls: { sharesWork: true, concurrency: 1 },
    async answer(
      prompts: readonly Prompt[],
      { signal, onProgress, scoresOnly = false }: AnswerOptions = {},
    ): Promise<Answer[]> {
      if (closed) throw new Error('vqa-model: the model is closed; open it again')
      if (scoresOnly) requireScoreAnswers(prompts)
      const answers: Answer[] = []
      for (const prompt of prompts) {
        signal?.throwIfAborted()
        answers.push(await one(prompt, scoresOnly))
        onProgress?.(answers.length)
      }
      signal?.throwIfAborted()
      return answers
    },
    stats: () => ({ ...stats }),
    close() {
      closed = true
      return Promise.resolve()
    },
  }
}

async function loadScript(path: string, files: Record<string, string>): Promise<Script> {
  await requirePath(path, '--model')
  const absolute = isAbsolute(path) ? path : resolve(path)
  files['script'] = await hashFile(absolute)
  const module = (await import(pathToFileURL(absolute).href)) as { default?: unknown }
  if (typeof module.default === 'function') return module.default as Script
  throw new InputError(`vqa-model: ${path} exports no function as default; export (prompt) => "answer"`)
}

async function findImages({ demonstrations, query }: Prompt): Promise<void> {
  for (const { id, image } of [...demonstrations, query]) {
    if (image === undefined) continue
    await access(image, constants.R_OK).catch(() => {
      throw new Error(`vqa-model: cannot read the image ${image} of example ${id}; check the image folder`)
    })
  }
}
