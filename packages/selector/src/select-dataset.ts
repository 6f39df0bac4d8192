import { rm } from 'node:fs/promises'
import { hashOf, jsonLines, openJournal, writeFileAtomic } from '@lever/durable-files'
import type { Dataset } from '@lever/vqa-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { OpenSelector, SelectOptions } from './open-selector.ts'

/** What was chosen for a question of a dataset: a line of the file. */
export interface SelectedLine {
  readonly query: number
  readonly question: string
  readonly selector: string
  readonly demonstrations: readonly {
    readonly id: number
    readonly question: string
    readonly answer: string
    readonly score: number | null
    readonly similarity: number
  }[]
}

/** A dataset to choose demonstrations for, and where they are written. */
export interface SelectDatasetOptions extends SelectOptions {
  /** The questions; `hash` tells an interrupted call of the same dataset. */
  readonly dataset: Pick<Dataset, 'examples' | 'hash'>
  /** JSONL, a line per question in the order of the dataset. */
  readonly out: string
  /** Questions that are asked together. Default 64. */
  readonly together?: number
  /** Called after every part with the questions that are done, and with all. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends between two parts; the same call continues. */
  readonly signal?: AbortSignal | undefined
}

export const SELECT_DATASET_OPTIONS: OptionNames<SelectDatasetOptions> = {
  dataset: true,
  out: true,
  together: true,
  onProgress: true,
  signal: true,
  shots: true,
  exclude: true,
  selector: true,
}

/**
 * Chooses for every question of a dataset. What is chosen is kept in `<out>.journal.jsonl` until all is, so that the
 * same call continues an interrupted one, to the same bytes: questions are asked in the same company as without it.
 * @throws InputError for the first question that cannot be asked, or a journal of another bundle, dataset or choice
 */
export async function selectDataset(
  selector: OpenSelector,
  given: SelectDatasetOptions,
): Promise<{ lines: number; resumed: number }> {
  refuseUnknownOptions(given, SELECT_DATASET_OPTIONS, 'selector: selectDataset')
  const { dataset, out, together = 64, onProgress = () => undefined, signal, ...options } = given
  const path = `${out}.journal.jsonl`
  const { shots = selector.manifest.shots, exclude = [], selector: name = null } = options
  const journal = await openJournal<SelectedLine>({
    path,
    header: {
      select: 1,
      bundle: hashOf(selector.manifest),
      ...{ size: selector.size, dataset: dataset.hash, shots, exclude, selector: name },
    },
  })
  const finish = async (): Promise<{ lines: number; resumed: number }> => {
    const { examples } = dataset
    const isOpen = ({ id }: { id: number }): boolean => !journal.has(String(id))
    const resumed = examples.length - examples.filter(isOpen).length
    for (let from = 0; from < examples.length; from += together) {
      signal?.throwIfAborted()
      const part = examples.slice(from, from + together)
      if (!part.some(isOpen)) continue
      const selections = await selector.selectMany(
        part.map(({ id, question, image }) => ({ id, question, image })),
        options,
      )
      for (const [i, { question, selector: by, demonstrations }] of selections.entries()) {
        const { id } = part[i]!
        if (!isOpen(part[i]!)) continue
        await journal.append(String(id), {
          ...{ query: id, question, selector: by.name },
          demonstrations: demonstrations.map(({ id: own, question: asked, answer, score, similarity }) => ({
            ...{ id: own, question: asked, answer, score, similarity },
          })),
        })
      }
      onProgress(from + part.length, examples.length)
    }
    await journal.flush()
    await writeFileAtomic(out, jsonLines(examples.map(({ id }) => journal.get(String(id))!)))
    return { lines: examples.length, resumed }
  }
  const done = await finish().finally(() => journal.close())
  await rm(path)
  return done
}
