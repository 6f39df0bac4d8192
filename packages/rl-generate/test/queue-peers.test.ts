import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { exposedPassword, readQueueUrl, withImages, type QueuePrompt } from '../src/queue.ts'
import { checkJob, checkResult, isWrong } from '../src/queue/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'queue-'))
const here = join(folder, 'here.png')
writeFileSync(here, 'x')
const prompt = (image: string): QueuePrompt => ({
  key: image,
  demonstrations: [{ id: 1, image: '/elsewhere/here.png', question: 'a?', answer: 'b' }],
  query: { id: 2, image, question: 'c?' },
})
const signal = new AbortController().signal
const answer = withImages([folder], (prompts) =>
  Promise.resolve(prompts.map(({ query }) => ({ text: query.image ?? query.context ?? '' }))),
)

test('images are found in the folders of the worker, by name', async () => {
  expect(await answer([prompt('/x/here.png')], { signal, isLastTry: false })).toEqual([{ text: here }])
})

test('a prompt without images is asked as it is', async () => {
  const query = { id: 2, context: 'a cat', question: 'c?' }
  const prompts = [{ key: 'k', demonstrations: [], query }]
  expect(await answer(prompts, { signal, isLastTry: false })).toEqual([{ text: 'a cat' }])
})

test('a missing image sends the job on, and fails its own prompt at the last try', async () => {
  const prompts = [prompt('here.png'), prompt('/x/gone.png'), prompt(here)]
  const told = /image \/x\/gone\.png of example 2 is not on .*, nor in .*--images/
  await expect(answer(prompts, { signal, isLastTry: false })).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringMatching(told) as unknown,
  })
  expect(await answer(prompts, { signal, isLastTry: true })).toEqual([
    { text: here },
    { text: '', kind: 'transient', error: expect.stringMatching(told) as unknown },
    { text: here },
  ])
  await expect(answer([prompts[1]!], { signal, isLastTry: true })).rejects.toThrow(told)
})

test('the URL of a queue comes from the environment or a file, and a password that shows is told', async () => {
  const url = 'redis://:secret@host:6379'
  const file = join(folder, 'queue')
  writeFileSync(file, `${url}\n`)
  expect(await readQueueUrl(undefined, { LEVER_QUEUE: url })).toBe(url)
  expect(await readQueueUrl('env', { LEVER_QUEUE: url })).toBe(url)
  expect(await readQueueUrl(file, {})).toBe(url)
  expect(await readQueueUrl(url, {})).toBe(url)
  await expect(readQueueUrl(undefined, {})).rejects.toThrow('there is no queue; set LEVER_QUEUE')
  await expect(readQueueUrl('nowhere', {})).rejects.toThrow('--queue nowhere is neither a URL')
  writeFileSync(file, 'two words')
  await expect(readQueueUrl(file, {})).rejects.toThrow('does not hold a URL')
  expect(exposedPassword(url, ['node', 'lever', '--queue', url])).toContain('LEVER_QUEUE')
  expect(exposedPassword(url, ['node', 'lever', `--queue=${url}`])).toContain('LEVER_QUEUE')
  expect(exposedPassword(url, ['node', 'lever', '--queue', file])).toBeUndefined()
  expect(exposedPassword('redis://host', ['--queue', 'redis://host'])).toBeUndefined()
})

const job = { version: 1, run: 'r', from: 'f', protocol: { hash: 'h', beams: 1 }, prompts: [prompt('a.png')] }

test('jobs are checked field by field', () => {
  expect(checkJob(job)).toEqual({ value: job })
  expect(checkJob({ ...job, more: 1 })).toEqual({ value: job })
  expect(checkJob({ ...job, scoresOnly: true })).toEqual({ value: { ...job, scoresOnly: true } })
  expect(checkJob({ ...job, scoresOnly: 'yes' })).toEqual({ value: job })
  const wrong: [unknown, string][] = [
    [undefined, 'the job is missing, not an object'],
    [{ ...job, run: 5 }, 'run is 5, not a text'],
    [{ ...job, prompts: {} }, 'prompts is an object, not a list'],
    [{ ...job, prompts: [{ ...prompt('a'), query: null }] }, 'prompts[0].query is null, not an object'],
    [
      { ...job, prompts: [{ ...prompt('a'), scoreAnswers: [1] }] },
      'prompts[0].scoreAnswers[0] is 1, not a text',
    ],
  ]
  for (const [value, told] of wrong) expect(checkJob(value)).toMatchObject({ wrong: told })
  expect(checkJob({ ...job, version: 2 }).otherVersion).toBe(2)
  expect(checkJob({ version: 2, tasks: [] }).otherVersion).toBe(2)
})

test('scores are those of the answers that were to be scored', () => {
  const prompts = [{ ...prompt('a.png'), scoreAnswers: ['red', 'blue'] }]
  const score = (name: string): object => ({ answer: name, logProb: -1, tokens: 2 })
  const given = (...scores: unknown[]): boolean =>
    !isWrong(checkResult({ answers: [{ text: 'x', scores }] }, prompts))
  expect(given(score('red'), score('blue'))).toBe(true)
  expect(given(score('blue'), score('red'))).toBe(false)
  expect(given(score('red'))).toBe(false)
  expect(given(score('red'), { ...score('blue'), logProb: '-1' })).toBe(false)
  expect(isWrong(checkResult({ answers: [{ text: '', error: 'failed' }] }, prompts))).toBe(false)
  expect(isWrong(checkResult({ answers: [{ text: 'x'.repeat(1_000_001) }] }))).toBe(true)
})
