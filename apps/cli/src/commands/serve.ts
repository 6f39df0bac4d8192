import { serverSettings } from '@lever/server/settings'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { localModelOptions } from '../options/serve.ts'
import { runServe } from '../pipeline/serve/run-serve.ts'

export const serve: Command = defineCommand({
  describe:
    'Serves a bundle over HTTP: demonstrations for a question, OpenAI-compatible chats with demonstrations before them, answered by an upstream or the local model, and a page to try it. Listens on this machine only unless told otherwise.',
  example: 'lever serve --bundle runs/bundle --upstream http://127.0.0.1:8000/v1',
  options: {
    Data: {
      bundle: { type: 'text', about: 'folder that lever bundle made', required: true },
      embedderModel: {
        type: 'text',
        about: "model of the bundle's embedder, where the bundle does not include it: a folder or an id",
        unset: "the bundle's own",
      },
    },
    Model: localModelOptions,
    Server: {
      ...serverSettings,
      check: {
        type: 'flag',
        about: 'open the bundle and the model, listen for a moment, and end: would it start?',
      },
    },
  },
  async run(options, context) {
    const { check } = options
    const served = await runServe(options, context)
    const { url, bundle, selector, examples, model, selections } = served
    const answers = model ?? `the upstream ${options.upstream!}`
    const facts = `${bundle}: ${selector} chooses from ${examples} examples, ${answers} answers`
    return {
      json: served,
      text: check ? `${facts}; would serve at ${url}` : `${facts}; ${selections} choices served at ${url}`,
    }
  },
})
