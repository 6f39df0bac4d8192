import type { Answer, BackendModel, Prompt, PromptWithImages, VqaModel } from './types.ts'

/** A model that fails a prompt alone when one of its examples has no image file, and asks the others. */
export function failMissingImages(model: BackendModel): VqaModel {
  return {
    ...model,
    async answer(prompts, options) {
      const answers = (await model.answer(prompts.filter(hasImages).map(bare), options)).values()
      return prompts.map((prompt) => (hasImages(prompt) ? answers.next().value! : missing(prompt)))
    },
  }
}

/** Only what a model needs to know: the prompts of others hold more, and some of it cannot go to another thread. */
function bare({ demonstrations, query, scoreAnswers }: PromptWithImages): PromptWithImages {
  return {
    demonstrations: demonstrations.map(({ id, image, question, answer }) => ({
      id,
      image,
      question,
      answer,
    })),
    query: { id: query.id, image: query.image, question: query.question },
    ...(scoreAnswers && { scoreAnswers }),
  }
}

/** Whether a model can be asked: every example has an image file. */
export function hasImages(prompt: Prompt): prompt is PromptWithImages {
  const { demonstrations, query } = prompt
  return [...demonstrations, query].every(({ image }) => image !== undefined)
}

function missing({ demonstrations, query }: Prompt): Answer {
  const { id } = [...demonstrations, query].find(({ image }) => image === undefined)!
  return {
    text: '',
    raw: '',
    error: `example ${id} has no image file; check the image folder`,
    kind: 'prompt',
  }
}
