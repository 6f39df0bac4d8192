import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type {
  Answer,
  AnswerOptions,
  BackendModel,
  Demonstration,
  ModelProtocol,
  Prompt,
  Query,
  VqaModel,
} from './types.ts'

type Shown = Pick<ModelProtocol, 'needs'>

/** With what `rl-generate` hands to a function that answers, so that `answer` itself can be one. */
const ANSWER_OPTIONS: OptionNames<AnswerOptions & { recorded: unknown; isLastTry: unknown }> = {
  ...{ signal: true, onProgress: true, scoresOnly: true, recorded: true, isLastTry: true },
}

/** A model that fails a prompt alone when one of its examples lacks what the model shows, and asks the others. */
export function failMissingInputs(model: BackendModel): VqaModel {
  return {
    ...model,
    async answer(prompts, options) {
      refuseUnknownOptions(options, ANSWER_OPTIONS, 'vqa-model: answer')
      const lacks = prompts.map((prompt) => lackOf(prompt, model))
      const whole = prompts.filter((_, i) => lacks[i] === undefined)
      const answers = (
        await model.answer(
          whole.map((prompt) => bare(prompt, model)),
          options,
        )
      ).values()
      return lacks.map((error): Answer => {
        if (error === undefined) return answers.next().value!
        return { text: '', raw: '', error, kind: 'prompt' }
      })
    },
  }
}

/**
 * Refuses a dataset of which no example has what a model shows: every prompt would fail.
 *
 * @param what names the examples, for the message
 * @throws InputError with what to do
 */
export function requireInputs(
  { needs, protocol }: Pick<ModelProtocol, 'needs' | 'protocol'>,
  examples: readonly Query[],
  what: string,
): void {
  if (examples.length === 0 || examples.some((example) => lackOfExample(example, needs) === undefined)) return
  if (needs === 'either') {
    throw new InputError(`vqa-model: no example of ${what} has an image or a context; give its image folder`)
  }
  if (needs.image && examples.every(({ image }) => image === undefined)) {
    throw new InputError(
      `vqa-model: the prompt template ${protocol.template} shows images, and no example of ${what} has one; give its image folder, or a template that shows contexts (--template caption)`,
    )
  }
  throw new InputError(
    `vqa-model: the prompt template ${protocol.template} shows contexts, and no example of ${what} has one; add a field "context" to its lines (questions.jsonl), or choose another template (--template)`,
  )
}

/** Whether a prompt has an image file for every example. */
export function hasImages(prompt: Prompt): boolean {
  const { demonstrations, query } = prompt
  return [...demonstrations, query].every(({ image }) => image !== undefined)
}

function lackOf({ demonstrations, query }: Prompt, { needs }: Shown): string | undefined {
  for (const example of [...demonstrations, query]) {
    const lack = lackOfExample(example, needs)
    if (lack !== undefined) return lack
  }
  return undefined
}

function lackOfExample({ id, image, context }: Query, needs: Shown['needs']): string | undefined {
  const noImage = `example ${id} has no image file; check the image folder`
  if (needs === 'either') return image === undefined && context === undefined ? noImage : undefined
  if (needs.image && image === undefined) return noImage
  return needs.context && context === undefined ? `example ${id} has no context to show` : undefined
}

/** Only what a model shows: the prompts of others hold more, and some of it cannot go to another thread. */
function bare({ demonstrations, query, scoreAnswers }: Prompt, { needs }: Shown): Prompt {
  const [hasImage, hasContext] = needs === 'either' ? [true, true] : [needs.image, needs.context]
  const shown = ({ id, image, context, question }: Query): Query => ({
    id,
    ...(hasImage && image !== undefined && { image }),
    ...(hasContext && context !== undefined && { context }),
    question,
  })
  return {
    demonstrations: demonstrations.map((one): Demonstration => ({ ...shown(one), answer: one.answer })),
    query: shown(query),
    ...(scoreAnswers && { scoreAnswers }),
  }
}
