import { expect, test } from '@jest/globals'
import { chatMessages, getTemplate, templateNames } from '@lever/vqa-model'
import fc from 'fast-check'
import { putBefore } from '../src/chat/put-before.ts'
import { readChat, type ChatMessage } from '../src/chat/read-chat.ts'
import { readPrompt } from '../src/chat/read-prompt.ts'

/** Of templates that show images; `lever serve` is about questions with one. */
const names = templateNames.filter((name) => getTemplate(name).layout !== 'text')

/** A prompt as a template writes it, with a URL for every image. */
function written(name: string, questions: readonly string[], answers: readonly string[]): ChatMessage[] {
  let next = 0
  return chatMessages(getTemplate(name), { questions, answers }).map(({ role, content }) => ({
    role,
    content: content.map((part) =>
      part.type === 'text' ? part : { type: 'image_url', image_url: { url: `data:${(next += 1)}` } },
    ),
  }))
}

const words = fc
  .array(fc.constantFrom('what', 'is', 'it?', 'red', '(', '.*', '$1', 'ü'), { minLength: 1, maxLength: 5 })
  .map((all) => all.join(' '))

test.each(names)('what template %s writes is read back', (name) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(words, words), { maxLength: 4 }), words, (shown, question) => {
      const questions = [...shown.map(([one]) => one), question]
      const messages = written(
        name,
        questions,
        shown.map(([, answer]) => answer),
      )
      expect(readPrompt(messages, getTemplate(name))).toEqual({
        demonstrations: shown.map(([one, answer], i) => ({ url: `data:${i + 1}`, question: one, answer })),
        url: `data:${shown.length + 1}`,
        question,
      })
    }),
    { numRuns: 100 },
  )
})

test('a question at the end may stand plain, before or after its image', () => {
  const image = { type: 'image_url', image_url: { url: 'data:1' } }
  const text = { type: 'text', text: ' what? ' }
  for (const content of [
    [image, text],
    [text, image],
  ]) {
    for (const name of names) {
      const found = readPrompt([{ role: 'user', content }], getTemplate(name))
      expect(found).toEqual({ demonstrations: [], url: 'data:1', question: 'what?' })
    }
  }
})

test('a question about an image is found in the last message alone', () => {
  const image = { type: 'image_url', image_url: { url: 'data:1' } }
  const asked = { role: 'user', content: [image, { type: 'text', text: 'what?' }] }
  const hello = { role: 'user', content: 'hello' }
  expect(readChat({ messages: [hello, asked] })).toEqual({
    question: 'what?',
    image: 'data:1',
    before: [hello],
  })
  expect(readChat({ messages: [asked, hello] })).toEqual({
    unchanged: 'the image is not in the last message',
  })
  expect(readChat({ messages: [asked, asked] })).toEqual({ unchanged: 'the request has 2 images' })
  expect(readChat({ messages: [{ role: 'user', content: [image] }] })).toEqual({
    unchanged: 'the message with the image has no text',
  })
})

test('the system prompt of the chat stands in place of the template’s', () => {
  const prompt = [
    { role: 'system' as const, content: 'of the template' },
    { role: 'user' as const, content: 'what?' },
  ]
  const own = { role: 'developer', content: 'of the client' }
  expect(putBefore([own], prompt)).toEqual([own, prompt[1]])
  expect(putBefore([], prompt)).toEqual(prompt)
})
