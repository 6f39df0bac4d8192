import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Example } from '@lever/vqa-dataset'
import { makeBundle, openSplit } from './support/world.ts'
import { serve, type Started } from './support/serve.ts'

// The part of Playwright's API that these tests use. It is not a dependency: the tests run where playwright-core,
// axe-core and a Chromium are installed, and are skipped elsewhere.
interface Page {
  on(
    event: string,
    listener: (what: { text(): string; type(): string; url(): string; message: string }) => void,
  ): void
  goto(url: string): Promise<unknown>
  evaluate<T>(script: string): Promise<T>
  addScriptTag(options: { content: string }): Promise<unknown>
  click(selector: string): Promise<void>
  fill(selector: string, value: string): Promise<void>
  focus(selector: string): Promise<void>
  selectOption(selector: string, value: string): Promise<unknown>
  setInputFiles(selector: string, path: string): Promise<void>
  textContent(selector: string): Promise<string | null>
  keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
}
interface Browser {
  newContext(options: Record<string, unknown>): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>
  close(): Promise<void>
}

/** Waits until a script gives true. Playwright's own waiting needs eval, which the policy of the page forbids. */
async function until(page: Page, script: string): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await page.evaluate<boolean>(script))) {
    if (Date.now() > end) throw new Error(`never: ${script}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

const require = createRequire(import.meta.url)
const resolve = (name: string): string | undefined => {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}
const chromium = [process.env['LEVER_CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== '' && existsSync(path),
)
const playwright = resolve('playwright-core')
const axe = resolve('axe-core/axe.min.js')
const here = chromium !== undefined && playwright !== undefined && axe !== undefined
const KEY = 'a-key-of-some-length'

;(here ? describe : describe.skip)('the page in Chromium', () => {
  let browser: Browser
  let started: Started
  let keyed: Started
  let examples: readonly Example[]
  const problems: string[] = []

  beforeAll(async () => {
    const bundle = await makeBundle(60)
    ;({ examples } = await openSplit('test', 3))
    started = await serve(bundle)
    keyed = await serve(bundle, { apiKey: KEY })
    const library = require(playwright!) as {
      chromium: { launch(options: Record<string, unknown>): Promise<Browser> }
    }
    browser = await library.chromium.launch({ executablePath: chromium, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser.close()
    await Promise.all([started.end(), keyed.end()])
  })

  async function open(
    width: number,
    colorScheme = 'light',
    server = started,
    bypassCSP = false,
  ): Promise<Page> {
    problems.length = 0
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP })
    const page = await context.newPage()
    page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('request', (request) => {
      const { url } = server
      if (![`${url}/`, 'data:', `blob:${url}/`].some((own) => request.url().startsWith(own)))
        problems.push(`request of ${request.url()}`)
    })
    await page.goto(`${server.url}/`)
    return page
  }
  const texts = (page: Page, selector: string): Promise<string[]> =>
    page.evaluate(`Array.from(document.querySelectorAll('${selector}'), (e) => e.textContent)`)
  const answered = (page: Page): Promise<void> =>
    until(page, `/^\\d+ answers?\\.$/.test(document.querySelector('#status').textContent)`)
  const ready = (page: Page): Promise<void> =>
    until(page, `document.querySelectorAll('#selectors input').length > 0`)

  async function askOf(page: Page, { image, question }: Example): Promise<void> {
    await ready(page)
    await page.setInputFiles('#file', image!)
    await until(page, `!document.querySelector('#preview').hidden`)
    await page.fill('#question', question)
    await page.click('#go')
    await answered(page)
  }

  test('a question: who chose what, in order, with images and scores, and the answers of the model', async () => {
    const page = await open(1440)
    const [example] = examples
    await askOf(page, example!)
    expect(await texts(page, '#answers h3')).toEqual(['policy', 'rices-both', 'random', 'no demonstrations'])
    const image = `data:image/png;base64,${(await readFile(example!.image!)).toString('base64')}`
    for (const [i, selector] of (['policy', 'rices-both', 'random'] as const).entries()) {
      const query = { image, question: example!.question }
      const { demonstrations } = await started.selector.select(query, { selector })
      const card = `#answers article:nth-child(${i + 1})`
      expect(await texts(page, `${card} li strong`)).toEqual(demonstrations.map(({ answer }) => answer))
      const facts = (await texts(page, `${card} li .facts`)).join(' ')
      for (const { id, similarity } of demonstrations) {
        expect(facts).toContain(`example ${id}`)
        expect(facts).toContain(`similarity ${similarity.toFixed(3)}`)
      }
    }
    const answers = await texts(page, '#answers .answer')
    expect(answers).toHaveLength(4)
    expect(answers.every((answer) => answer !== '' && answer !== '...')).toBe(true)
    expect((await texts(page, '#answers pre'))[0]).toContain(`user: [image] ${example!.question}`)
    const shown = await page.evaluate<boolean[]>(
      `Promise.all(Array.from(document.querySelectorAll('#answers img'), (i) => i.decode().then(() => i.naturalWidth > 0)))`,
    )
    expect(shown).toEqual(Array(6).fill(true))
    expect(problems).toEqual([])
  })

  test('by keyboard alone, with an image of the library, whose own examples are not shown', async () => {
    const page = await open(1440)
    await ready(page)
    await page.focus('#library summary')
    await page.keyboard.press('Enter')
    await until(page, `document.querySelectorAll('#examples button').length === 24`)
    expect(await page.textContent('#range')).toBe('1 to 24 of 60')
    await page.focus('#more')
    await page.keyboard.press('Enter')
    await until(page, `document.querySelector('#range').textContent === '25 to 48 of 60'`)
    await page.focus('#examples button:nth-child(3)')
    await page.keyboard.press('Enter')
    await answered(page)
    const taken = (await started.selector.list({ from: 26, count: 1 }))[0]!
    expect(await page.evaluate(`document.querySelector('#question').value`)).toBe(taken.question)
    const facts = (await texts(page, '#answers .facts')).join(' ')
    const same = (await started.selector.list({ count: 60 })).filter(
      ({ imageId }) => imageId === taken.imageId,
    )
    for (const { id } of same) expect(facts).not.toContain(`example ${id} `)
    await page.focus('#question')
    await page.keyboard.press('Enter')
    await until(page, `document.querySelector('#status').textContent === 'Asking ...'`)
    await answered(page)
    expect(problems).toEqual([])
  })

  test('changes of who chooses and of how many are shown at once', async () => {
    const page = await open(1440)
    await askOf(page, examples[1]!)
    await page.click('#selectors input[value=bm25]')
    await until(page, `document.querySelectorAll('#answers article').length === 5`)
    await answered(page)
    await page.fill('#shots', '1')
    await page.keyboard.press('Tab')
    await until(page, `document.querySelectorAll('#answers article:first-child li').length === 1`)
    await answered(page)
    expect((await texts(page, '#answers h3')).at(-1)).toBe('bm25')
  })

  test('what is wrong is said: no image, not an image, a server that is gone', async () => {
    const page = await open(360)
    await ready(page)
    await page.fill('#question', 'what?')
    await page.click('#go')
    expect(await page.textContent('#status')).toContain('Give an image first')
    await page.setInputFiles('#file', new URL(import.meta.url).pathname)
    expect(await page.textContent('#status')).toBe('That is not an image file.')
    await page.evaluate(`window.fetch = () => Promise.reject(new Error('gone'))`)
    await page.setInputFiles('#file', examples[0]!.image!)
    await until(page, `!document.querySelector('#preview').hidden`)
    await page.click('#go')
    await answered(page)
    expect((await texts(page, '#answers .loss'))[0]).toBe('The server cannot be reached.')
  })

  test('a server with a key is asked with it', async () => {
    const page = await open(1440, 'light', keyed)
    await until(page, `!document.querySelector('#key-form').hidden`)
    await page.fill('#key', 'wrong')
    await page.keyboard.press('Enter')
    await until(page, `document.querySelector('#status').textContent.includes('not the one')`)
    await page.fill('#key', KEY)
    await page.keyboard.press('Enter')
    await askOf(page, examples[0]!)
    expect(await texts(page, '#answers article.failed')).toEqual([])
    expect(problems.filter((problem) => !problem.includes('401'))).toEqual([])
  })

  test.each([
    [360, 'dark'],
    [360, 'light'],
    [1440, 'dark'],
    [1440, 'light'],
  ])('at %d px, %s: no overflow, nothing for axe to find', async (width, scheme) => {
    const page = await open(width, scheme, started, true)
    await askOf(page, examples[2]!)
    await page.evaluate(`document.querySelectorAll('details').forEach((e) => (e.open = true))`)
    await until(page, `document.querySelectorAll('#examples button').length === 24`)
    const wide = await page.evaluate<string[]>(`
      Array.from(document.querySelectorAll('body *')).filter((e) =>
        !e.closest('.skip') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))
        .concat(document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [])`)
    expect(wide).toEqual([])
    await page.addScriptTag({ content: await readFile(axe!, 'utf8') })
    const found = await page.evaluate<string[]>(
      `axe.run(document).then(({ violations }) => violations.map((v) => v.impact + ' ' + v.id + ' ' + v.nodes[0].html))`,
    )
    expect(found).toEqual([])
    expect(problems).toEqual([])
  })

  test('its policy lets nothing of others in', async () => {
    const page = await open(1440)
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend',
      '<img src="http://127.0.0.1:9/x.png"><img src="data:," onerror="window.stolen = 1">')`)
    await expect(page.evaluate(`fetch('http://127.0.0.1:9/')`)).rejects.toThrow()
    expect(await page.evaluate(`typeof window.stolen`)).toBe('undefined')
    expect(problems.filter((problem) => problem.includes('Content Security Policy')).length).toBeGreaterThan(
      2,
    )
    await page.selectOption('.theme', 'dark')
    expect(await page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe('rgb(20, 23, 27)')
  })
})
