import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { getTemplate } from '@lever/vqa-model'
import { openSelector, type OpenSelector } from '../src/index.ts'
import { bundleOf, openSplit } from './support/world.ts'

let selector: OpenSelector
let question: string
let image: string

beforeAll(async () => {
  const { folder } = await bundleOf(30, { template: getTemplate('lever-plus-system') })
  selector = await openSelector(folder, { allowUrls: ({ hostname }) => hostname === '127.0.0.1' })
  const [first] = (await openSplit('test', 1)).examples
  question = first!.question
  image = first!.image!
})
afterAll(() => selector.close())

test('the prompt follows the template of the bundle, images in their places', async () => {
  const { demonstrations, messages } = await selector.select({ question, image })
  const [a, b] = demonstrations as [(typeof demonstrations)[number], (typeof demonstrations)[number]]
  const [system, user, ...rest] = await messages.openai()
  expect(rest).toEqual([])
  expect(system).toMatchObject({
    role: 'system',
    content: expect.stringContaining('2 solved examples') as unknown,
  })
  const part = (path: string): object => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${readFileSync(path).toString('base64')}` },
  })
  expect(user!.content).toEqual([
    part(a.image!),
    { type: 'text', text: `Question:${a.question} Short answer:${a.answer}` },
    part(b.image!),
    { type: 'text', text: `Question:${b.question} Short answer:${b.answer}` },
    part(image),
    { type: 'text', text: `Question:${question} Short answer:` },
  ])
  expect(messages.text().split('\n').slice(1)).toEqual([
    '[image]',
    `Question:${a.question} Short answer:${a.answer}`,
    '[image]',
    `Question:${b.question} Short answer:${b.answer}`,
    '[image]',
    `Question:${question} Short answer:`,
  ])
})

test('an image at an allowed URL is fetched, and the prompt names the URL', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/image.png' }).end()
    else if (request.url === '/away') response.writeHead(302, { location: 'http://localhost:1/a.png' }).end()
    else if (request.url === '/large') response.end(Buffer.alloc(2 ** 20))
    else if (request.url === '/image.png') response.end(readFileSync(image))
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const known = await selector.select({ question, image })
    const found = await selector.select({ question, image: `${base}/moved` })
    expect(found.demonstrations.map(({ id }) => id)).toEqual(known.demonstrations.map(({ id }) => id))
    expect(JSON.stringify(await found.messages.openai())).toContain(`${base}/moved`)
    const fails = (path: string): Promise<unknown> => selector.select({ question, image: `${base}${path}` })
    await expect(fails('/away')).rejects.toThrow('http://localhost:1, which may not be asked here')
    await expect(fails('/none')).rejects.toThrow('answers 404')
    const small = await openSelector(selector.folder, {
      allowUrls: true,
      maxImageBytes: 2 ** 19,
      allowPaths: false,
    })
    await expect(small.select({ question, image: `${base}/large` })).rejects.toThrow('more than 524288 bytes')
    await expect(small.select({ question, image })).rejects.toThrow('no files are opened here')
    await small.close()
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('files of the bundle are given, and no others', async () => {
  const [first] = await selector.list({ count: 1 })
  expect((await selector.file(first!.image!)).length).toBeGreaterThan(100)
  expect((await selector.file(first!.thumbnail!)).length).toBeGreaterThan(100)
  for (const path of ['manifest.json', 'images/../manifest.json', '../x', '/etc/passwd', 'images/..']) {
    await expect(selector.file(path)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  }
})

test('a closed selector says so, and closing twice is one', async () => {
  const opened = await openSelector(selector.folder)
  await Promise.all([opened.close(), opened.close()])
  await expect(opened.select({ question, image })).rejects.toThrow('it is closed; open the bundle again')
})
