import { BaseExampleSelector } from '@langchain/core/example_selectors'
import type { Example } from '@langchain/core/prompts'
import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { SELECT_OPTIONS, type OpenSelector, type SelectOptions } from './open-selector.ts'

/** Names of the values of a LangChain example that hold a question, its image and its answer. */
export interface ExampleKeys {
  readonly question?: string
  readonly image?: string
  readonly answer?: string
}

const EXAMPLE_KEYS: OptionNames<ExampleKeys> = { question: true, image: true, answer: true }

/** How demonstrations are chosen, and the names of the values of examples. */
export interface LeverExampleSelectorOptions extends SelectOptions {
  /** Names of the values of examples. Default `question`, `image` and `answer`. */
  readonly keys?: ExampleKeys
}

/**
 * A bundle as the example selector of LangChain.js prompts (`FewShotPromptTemplate`, `FewShotChatMessagePromptTemplate`).
 * An example's values are texts: its image is a path, a data URI, or a URL where the bundle was opened to allow it.
 */
export class LeverExampleSelector extends BaseExampleSelector {
  readonly #selector: OpenSelector
  readonly #options: SelectOptions
  readonly #keys: Required<ExampleKeys>

  /**
   * @param selector stays the caller's, who closes it
   * @throws InputError for an option or a key that does not exist
   */
  constructor(selector: OpenSelector, { keys = {}, ...options }: LeverExampleSelectorOptions = {}) {
    super()
    refuseUnknownOptions(options, SELECT_OPTIONS, 'selector: LeverExampleSelector')
    refuseUnknownOptions(keys, EXAMPLE_KEYS, 'selector: keys')
    this.#selector = selector
    this.#options = options
    this.#keys = { question: 'question', image: 'image', answer: 'answer', ...keys }
  }

  /**
   * Adds a solved example for good; gives its id.
   * @throws InputError if it lacks a question or an answer, or the bundle is not writable
   */
  async addExample(example: Example): Promise<string> {
    const { question, image, answer } = this.#keys
    const { id } = await this.#selector.add({
      question: this.#text(example, question),
      answer: this.#text(example, answer),
      ...(example[image] !== undefined && { image: this.#text(example, image) }),
    })
    return String(id)
  }

  /**
   * The demonstrations for the input's question and image, in prompt order; image values are paths in the bundle.
   * @throws InputError if the input has no question
   */
  async selectExamples(input: Example): Promise<Example[]> {
    const { question, image, answer } = this.#keys
    const asked = {
      question: this.#text(input, question),
      ...(input[image] !== undefined && { image: this.#text(input, image) }),
    }
    const { demonstrations } = await this.#selector.select(asked, this.#options)
    return demonstrations.map((one) => ({
      [question]: one.question,
      [answer]: one.answer,
      ...((one.image ?? one.thumbnail) !== null && { [image]: one.image ?? one.thumbnail! }),
      id: String(one.id),
    }))
  }

  #text(example: Example, key: string): string {
    const value: unknown = example[key]
    if (typeof value === 'string') return value
    throw new InputError(
      `selector: the example has no text "${key}" but ${Object.keys(example).join(', ') || 'nothing'}; give it, or name the values by keys`,
    )
  }
}
