import { describe, expect, test } from '@jest/globals'
import {
  chatMessages,
  getTemplate,
  postprocessNames,
  getPostprocess,
  templateId,
  templateNames,
  validateTemplate,
} from '../src/index.ts'

const caption = getTemplate('caption')
const texts = { questions: [' what team ? ', 'what color ?'], answers: [' zap '] }

describe('templates', () => {
  test.each(templateNames)('%s is valid and keeps its name', (name) => {
    const template = getTemplate(name)
    expect(validateTemplate(JSON.parse(JSON.stringify(template)))).toEqual(template)
    expect(template.name).toBe(name)
    expect(templateId(template)).toBe(name)
  })

  test('shapes: a turn per demonstration', () => {
    expect(chatMessages(getTemplate('shapes'), texts)).toEqual([
      { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'what team ?' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'zap' }] },
      { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'what color ?' }] },
    ])
  })

  test('lever-plus: one user turn, images and texts in turn, texts stripped', () => {
    expect(chatMessages(getTemplate('lever-plus'), texts)).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image' },
          { type: 'text', text: 'Question:what team ? Short answer:zap' },
          { type: 'image' },
          { type: 'text', text: 'Question:what color ? Short answer:' },
        ],
      },
    ])
  })

  test('the system prompt says the real number of demonstrations', () => {
    const [first] = chatMessages(getTemplate('lever-plus-system'), texts)
    expect(first?.role).toBe('system')
    expect(JSON.stringify(first?.content)).toContain('You will see 1 solved examples')
    expect(chatMessages(getTemplate('lever-plus-system'), texts, null)).toHaveLength(1)
  })

  test('texts are not looked into for slots', () => {
    const [message] = chatMessages(getTemplate('lever-plus'), { questions: ['{answer} $& ?'], answers: [] })
    expect(message?.content[1]).toEqual({ type: 'text', text: 'Question:{answer} $& ? Short answer:' })
  })

  test('a template of the caller is recorded with a hash', () => {
    const custom = { ...getTemplate('shapes'), query: 'Q: {question}' }
    expect(templateId(custom)).toMatch(/^custom:shapes:[0-9a-f]{12}$/)
    expect(templateId({ ...getTemplate('shapes'), system: 'Be short.' })).toBe('shapes')
  })

  test.each([
    [null, 'template is null; it must be an object'],
    [{ ...caption, images: true }, 'template.images is true; it must be false in layout "text"'],
    [{ ...caption, stop: [''] }, 'template.stop is'],
    [{ ...caption, query: '{context} {answer}' }, 'template.query is'],
    [{ name: 'x' }, 'template.layout is missing; it must be "turns", "one-turn" or "text"'],
    [
      { name: 'x', layout: 'turns', demonstration: 'hello', query: '{question}' },
      'a text with {question} once',
    ],
    [{ name: 'x', layout: 'one-turn', demonstration: '{question}', query: '{question}' }, '{answer} once'],
    [{ name: 'x', layout: 'turns', demonstration: '{question}', query: '{question} {x}' }, 'template.query'],
    [{ ...getTemplate('shapes'), postprocess: 'cut' }, 'one of trim, lever-plus'],
    [{ ...getTemplate('shapes'), colour: 1 }, 'template.colour is 1'],
  ])('refuses %j', (data, message) => {
    expect(() => validateTemplate(data)).toThrow(message)
  })

  test('unknown names list the known ones', () => {
    expect(() => getTemplate('flamingo')).toThrow('choose one of shapes, lever-plus')
    expect(() => getTemplate('__proto__')).toThrow('unknown prompt template')
    expect(() => getPostprocess('toString')).toThrow('choose one of trim, lever-plus')
  })
})

test.each([
  ['trim', ' red \n', 'red'],
  ['trim', 'red, white', 'red, white'],
  ['lever-plus', ' red, white', 'red'],
  ['lever-plus', 'blue Question:what', 'blue'],
  ['lever-plus', 'Shorts', ''],
])('post-processing %s turns %j into %j', (name, raw, wanted) => {
  expect(postprocessNames).toContain(name)
  expect(getPostprocess(name)(raw)).toBe(wanted)
})

test.each([
  [' two dogs, one cat.\n\nContext: x', 'two dogs, one cat.', 'two dogs'],
  ['\n\n3.5 (about)', '3.5 (about)', '3.5'],
  ['red. It is a bus', 'red. It is a bus', 'red'],
  ['u.s.a', 'u.s.a', 'u.s.a'],
  ['', '', ''],
])('%j: first line and first clause', (raw, line, clause) => {
  expect(getPostprocess('first-line')(raw)).toBe(line)
  expect(getPostprocess('first-clause')(raw)).toBe(clause)
})
