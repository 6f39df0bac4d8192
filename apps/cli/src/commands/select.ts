import { InputError } from '@lever/durable-files'
import type { OpenSelector, Selection, SelectorChoice } from '@lever/selector'
import type { Command, Context, Result } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { makeFolderOf, requireNew } from '../files.ts'
import { datasetOptions, skipImagesOption } from '../options/data.ts'
import type { DatasetPlace } from '../pipeline/inputs/dataset.ts'
import { openDataset, placesOf } from '../pipeline/inputs/dataset.ts'

export const select: Command = defineCommand({
  describe:
    'Chooses demonstrations for a new question by a bundle, and says why these; or for every question of a dataset, into a JSONL file.',
  example: 'lever select --bundle runs/bundle --image photo.jpg --question "What is on the plate?"',
  options: {
    Data: {
      bundle: { type: 'text', about: 'folder that lever bundle made', required: true },
      image: { type: 'text', about: 'image of the question: a file, or a data URI' },
      question: { type: 'text', about: 'the question' },
      ...datasetOptions,
      ...skipImagesOption,
      exclude: { type: 'list', about: 'ids of examples that may not be chosen', default: [] },
    },
    Model: {
      selector: {
        type: 'text',
        about: 'what chooses: policy, or a baseline such as rices-both',
        unset: "the bundle's own",
      },
      embedderModel: {
        type: 'text',
        about: "model of the bundle's embedder, where the bundle does not include it: a folder or an id",
        unset: "the bundle's own",
      },
      threads: { type: 'number', about: 'processor threads', default: 2, min: 1, whole: true },
    },
    Evaluation: {
      shots: { type: 'number', about: 'demonstrations', min: 1, whole: true, unset: "the bundle's own" },
    },
    Output: {
      messages: {
        type: 'flag',
        about: 'print the prompt as messages for an OpenAI-compatible server, images as data URIs',
        onlyWith: { question: true },
      },
      out: {
        type: 'text',
        about: 'new JSONL file, a line per question of the dataset',
        notWith: { question: 'the choice for one question is printed; leave it out' },
      },
    },
  },
  interrupted: ({ out }) => (out === undefined ? undefined : CONTINUES),
  async run(options, context) {
    const { bundle, question, image, shots, selector: name, out, embedderModel, threads } = options
    const { place } = placesOf(options)
    const isMany = options.dataset !== undefined || options.questions !== undefined
    if (isMany === (question !== undefined)) {
      throw new InputError(
        isMany
          ? '--question and --dataset are both given; give one question, or a dataset of many'
          : 'there is no question; give --question (with --image), or --dataset for many',
      )
    }
    if (isMany && out === undefined) throw new InputError('--dataset needs --out, a new JSONL file')
    if (out !== undefined) await requireNew(out, '--out')
    const wanted = { shots, selector: name as SelectorChoice | undefined, exclude: options.exclude.map(idOf) }
    const { openSelector } = await import('@lever/selector')
    const opened = await openSelector(bundle, { threads, embedderModel })
    try {
      if (isMany) return await selectMany(opened, { place, out: out!, wanted }, context)
      const selection = await opened.select({ image, question: question! }, wanted)
      return await resultOf(selection, options.messages, opened)
    } finally {
      await opened.close()
    }
  },
})

interface Wanted {
  readonly shots: number | undefined
  readonly selector: SelectorChoice | undefined
  readonly exclude: readonly number[]
}

async function selectMany(
  selector: OpenSelector,
  { place, out, wanted }: { place: DatasetPlace; out: string; wanted: Wanted },
  { progress, signal }: Context,
): Promise<Result> {
  const { selectDataset } = await import('@lever/selector')
  const dataset = await openDataset(place, progress)
  await makeFolderOf(out, '--out')
  const stage = progress.stage('select', { total: dataset.examples.length, unit: 'questions' })
  const onProgress = (done: number): void => stage.update(done)
  const { lines, resumed } = await selectDataset(selector, { ...wanted, dataset, out, signal, onProgress })
  stage.end()
  return {
    json: { out, lines, resumed },
    text: `${out}: demonstrations for ${lines} questions${resumed > 0 ? `, ${resumed} of them chosen before` : ''}`,
  }
}

async function resultOf(selection: Selection, asMessages: boolean, opened: OpenSelector): Promise<Result> {
  const { question, demonstrations, selector, messages } = selection
  const json = { question, selector, demonstrations, shots: demonstrations.length, size: opened.size }
  if (asMessages) {
    const prompt = await messages.openai()
    return { json: { ...json, messages: prompt }, text: JSON.stringify(prompt, null, 2) }
  }
  const { selectionText } = await import('@lever/selector')
  return { json, text: selectionText(selection, opened) }
}

function idOf(text: string): number {
  const id = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(id)) return id
  throw new InputError(`--exclude: ${text} is not an id; give whole numbers`)
}
