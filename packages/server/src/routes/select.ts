import type { SelectorChoice } from '@lever/selector'
import { object, type Route } from '../http/route.ts'
import { openImage } from '../images/open-image.ts'
import { choose, noted, requireImages } from './choose.ts'
import { DEMONSTRATION, EXCLUDE, IMAGE, MESSAGES, QUERY_ID, QUESTION, SELECTOR, SHOTS } from './schemas.ts'
import type { Serving } from './serving.ts'

interface SelectBody {
  readonly image: string
  readonly question: string
  readonly shots?: number
  readonly selector?: SelectorChoice
  readonly exclude?: readonly number[]
  readonly id?: number
  readonly messages?: boolean
}

export function selectRoute(serving: Serving): Route {
  return {
    method: 'POST',
    path: '/v1/select',
    summary: 'Choose demonstrations for a question about an image',
    access: 'work',
    body: object(
      {
        image: IMAGE,
        question: QUESTION,
        shots: SHOTS,
        selector: SELECTOR,
        exclude: EXCLUDE,
        id: QUERY_ID,
        messages: { type: 'boolean', description: 'Give the chat messages with the demonstrations too' },
      },
      ['image', 'question'],
    ),
    responses: {
      200: {
        description: 'The demonstrations, in the order of the prompt',
        type: 'application/json',
        schema: object(
          {
            selector: { type: 'string' },
            note: { type: ['string', 'null'], description: 'Why this selector chose' },
            demonstrations: { type: 'array', items: DEMONSTRATION },
            messages: MESSAGES,
          },
          ['selector', 'note', 'demonstrations'],
        ),
      },
    },
    async handler(request) {
      const { image, question, messages = false, ...wanted } = request.body as SelectBody
      const asked = { image: await openImage(image, serving.images), question }
      const selection = await choose(serving, asked, wanted)
      const { name, note } = selection.selector
      const answer = { selector: name, note, demonstrations: noted(selection) }
      if (!messages) return answer
      requireImages(selection)
      return { ...answer, messages: await selection.messages.openai() }
    },
  }
}
