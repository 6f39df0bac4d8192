import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { renderReport } from '../src/report/report.ts'
import { reportInput, reportRun } from './report-input.ts'

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
  selectOption(selector: string, value: string): Promise<unknown>
  textContent(selector: string): Promise<string | null>
  focus(selector: string): Promise<void>
  uncheck(selector: string): Promise<void>
  emulateMedia(options: { media: string }): Promise<void>
  keyboard: { press(key: string): Promise<void> }
}
interface Browser {
  newContext(options: Record<string, unknown>): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>
  close(): Promise<void>
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

;(here ? describe : describe.skip)('report.html in Chromium', () => {
  let browser: Browser
  let folder: string
  const problems: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lever-report-'))
    await writeFile(join(folder, 'one.html'), renderReport(reportInput))
    await writeFile(
      join(folder, 'two.html'),
      renderReport({ title: 'Two runs', runs: [reportRun('first run'), reportRun('second <run>')] }),
    )
    const run = reportRun('one')
    const hebrew = run.examples!.questions.slice(0, 1).map((question) => ({
      ...question,
      question: '\u05d0\u05d9\u05d6\u05d4 \u05e6\u05d1\u05e2?',
      humans: [['\u05d0\u05d3\u05d5\u05dd', 3] as const, [' ', 1] as const],
      picks: question.picks.map((pick) => ({ ...pick, answer: '\u05d0\u05d3\u05d5\u05dd' })),
    }))
    await writeFile(
      join(folder, 'evil.html'),
      renderReport(reportInput).replace(
        '<main id="main">',
        '<main id="main"><script>window.stolen = 1</script><img src="data:," onerror="window.stolen = 2"><p id="styled" style="color:red">x</p>',
      ),
    )
    const examples = { ...run.examples!, questions: hebrew }
    await writeFile(join(folder, 'rtl.html'), renderReport({ title: 'RTL', runs: [{ ...run, examples }] }))
    const library = require(playwright!) as {
      chromium: { launch(options: Record<string, unknown>): Promise<Browser> }
    }
    browser = await library.chromium.launch({ executablePath: chromium, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser.close()
    await rm(folder, { recursive: true })
  })

  async function open(file: string, width: number, colorScheme = 'light', bypassCSP = false): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP })
    const page = await context.newPage()
    page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) problems.push(`request of ${request.url()}`)
    })
    await page.goto(pathToFileURL(join(folder, file)).href)
    return page
  }
  const texts = (page: Page, selector: string): Promise<string[]> =>
    page.evaluate(`Array.from(document.querySelectorAll('${selector}'), (e) => e.textContent)`)

  test.each([
    ['one.html', 360, 'dark'],
    ['one.html', 1440, 'light'],
    ['two.html', 360, 'light'],
    ['two.html', 1440, 'dark'],
  ])(
    '%s at %d px, %s: no error, no request, no overflow, nothing for axe to find',
    async (file, width, scheme) => {
      problems.length = 0
      const page = await open(file, width, scheme, true)
      await page.evaluate(`document.querySelectorAll('details').forEach((e) => (e.open = true))`)
      const wide = await page.evaluate<string[]>(`
      Array.from(document.querySelectorAll('body *')).filter((e) =>
        !e.closest('.scroll, svg, .skip') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))
        .concat(document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [])`)
      expect(wide).toEqual([])
      await page.addScriptTag({ content: await readFile(axe!, 'utf8') })
      const found = await page.evaluate<string[]>(
        `axe.run(document).then(({ violations }) => violations.map((v) => v.impact + ' ' + v.id + ' ' + v.nodes[0].html))`,
      )
      expect(found).toEqual([])
      expect(problems).toEqual([])
    },
  )

  test('its own script and style run under its policy, and nothing that data could smuggle in', async () => {
    problems.length = 0
    const page = await open('evil.html', 1440)
    expect(await page.textContent('#examples .status')).toBe('24 questions, page 1 of 3')
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.skip')).position`)).toBe('absolute')
    expect(await page.evaluate(`typeof window.stolen`)).toBe('undefined')
    expect(await page.evaluate(`getComputedStyle(document.querySelector('#styled')).color`)).not.toBe(
      'rgb(255, 0, 0)',
    )
    expect(problems).toHaveLength(3)
    for (const problem of problems)
      expect(problem).toContain('violates the following Content Security Policy')
  })

  test('tables sort by mouse and keyboard, empty cells last', async () => {
    const page = await open('one.html', 1440)
    const names = (): Promise<string[]> => texts(page, '#accuracy > .wider > .scroll tbody th')
    await page.click('#accuracy > .wider > .scroll thead th:nth-child(4) button')
    expect((await names()).slice(0, 2)).toEqual(['oracle', 'pointer'])
    await page.keyboard.press('Enter')
    expect((await names()).at(-1)).toBe('zero-shot')
    expect((await names())[3]).toBe('oracle')
    expect(
      await page.evaluate(`document.querySelector('#accuracy [aria-sort]').getAttribute('aria-sort')`),
    ).toBe('ascending')
  })

  test('the examples filter by outcome, type and text, turn pages and show images', async () => {
    const page = await open('one.html', 1440)
    const status = (): Promise<string | null> => page.textContent('#examples .status')
    expect(await status()).toBe('24 questions, page 1 of 3')
    await page.focus('[data-page="1"]')
    await page.keyboard.press('Enter')
    expect(await status()).toBe('24 questions, page 2 of 3')
    await page.selectOption('[data-filter=outcome]', 'win')
    expect(new Set(await texts(page, '#examples .asked .badge'))).toEqual(new Set(['win']))
    await page.selectOption('[data-filter=against]', '2')
    expect(new Set(await texts(page, '#examples .asked .badge'))).not.toContain('win')
    await page.selectOption('[data-filter=against]', '1')
    await page.selectOption('[data-filter=outcome]', '')
    await page.selectOption('[data-filter=answerType]', 'number')
    expect(await status()).toBe('12 questions, page 1 of 2')
    await page.fill('[data-filter=text]', 'no such words')
    expect(await status()).toBe('No question matches.')
    const images = await page.evaluate<boolean[]>(`
      document.querySelector('[data-filter=text]').value = '',
      document.querySelector('[data-filter=text]').dispatchEvent(new Event('input', { bubbles: true })),
      Promise.all(Array.from(document.images, (i) => i.decode().then(() => i.naturalWidth > 0)))`)
    expect(images.length).toBeGreaterThan(10)
    expect(images.every(Boolean)).toBe(true)
  })

  test('every selector can be chosen in the examples', async () => {
    const page = await open('one.html', 1440)
    const shown = async (): Promise<string[]> => [...new Set(await texts(page, '#examples .pick h4'))]
    expect(await shown()).toEqual(['pointer', 'random', 'oracle'])
    await page.click('#examples [data-shown] input[value="3"]')
    expect(await shown()).toEqual(['pointer', 'random', 'oracle', 'rices-both'])
    await page.uncheck('#examples [data-shown] input[value="2"]')
    expect(await shown()).toEqual(['pointer', 'random', 'rices-both'])
  })

  test('a table that is wider than a phone says so, until its end is reached', async () => {
    const page = await open('one.html', 390)
    await page.evaluate(`document.querySelectorAll('details').forEach((e) => (e.open = true))`)
    const signs = (): Promise<boolean[]> =>
      page.evaluate(`new Promise((done) => setTimeout(() => done(Array.from(document.querySelectorAll('.wider'), (e) =>
        [e.classList.contains('more'), e.firstChild.scrollWidth > e.firstChild.clientWidth + 1]).map(([a, b]) => a === b)), 100))`)
    expect(await page.evaluate(`document.querySelectorAll('.wider.more').length`)).toBeGreaterThan(0)
    expect((await signs()).every(Boolean)).toBe(true)
    // The sign stands beside the last line of the caption, and names like rices-both on one line.
    const room = await page.evaluate(`Array.from(document.querySelectorAll('.wider.more'), (e) => {
      const text = document.createRange()
      text.selectNodeContents(e.previousElementSibling)
      const [box, last] = [e.getBoundingClientRect(), Array.from(text.getClientRects()).at(-1)]
      return last.bottom <= box.top - 20 ? box.width : box.right - last.right
    })`)
    expect(Math.min(...(room as number[]))).toBeGreaterThan(50)
    const heights = await page.evaluate(`Array.from(document.querySelectorAll('#accuracy tbody th'), (e) => {
      const text = document.createRange()
      text.selectNodeContents(e)
      return text.getClientRects().length
    })`)
    expect(new Set(heights as number[])).toEqual(new Set([1]))
    await page.evaluate(`document.querySelectorAll('.scroll').forEach((e) => (e.scrollLeft = 1e6))`)
    expect(
      await page.evaluate(
        `new Promise((done) => setTimeout(() => done(document.querySelectorAll('.wider.more').length), 100))`,
      ),
    ).toBe(0)
  })

  test('all tests of the comparisons open by keyboard, and one line stands out', async () => {
    const page = await open('one.html', 1440)
    await page.focus('#differences summary')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(`document.querySelector('#differences details').open`)).toBe(true)
    expect((await texts(page, '#differences details thead th')).slice(0, 3)).toEqual([
      'selector',
      'baseline',
      'shots',
    ])
    await page.focus('[data-toggle="pointer"]')
    expect(await texts(page, '.chart.dim .series.lit title')).toHaveLength(2)
    expect(await page.evaluate(`document.querySelector('.series.lit').getAttribute('data-series')`)).toBe(
      'pointer',
    )
  })

  test('on paper: nothing beyond the edge, a legend, all tests, dark on light', async () => {
    const page = await open('two.html', 718, 'dark')
    await page.selectOption('.theme', 'dark')
    await page.emulateMedia({ media: 'print' })
    await page.evaluate(`dispatchEvent(new Event('beforeprint'))`)
    const beyond = await page.evaluate<string[]>(
      `Array.from(document.querySelectorAll('body *')).filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))`,
    )
    expect(beyond).toEqual([])
    const heights = await page.evaluate<number[]>(
      `['.legend', '.legend input', 'details table', '.filters', '.bar'].map((one) => document.querySelector(one).getBoundingClientRect().height > 0)`,
    )
    expect(heights).toEqual([true, false, true, false, false])
    expect(await page.evaluate(`getComputedStyle(document.body).color`)).toBe('rgb(27, 31, 36)')
    await page.evaluate(`dispatchEvent(new Event('afterprint'))`)
    expect(await page.evaluate(`document.querySelectorAll('details[open]').length`)).toBe(0)
  })

  test('text from right to left stands as it is written', async () => {
    const page = await open('rtl.html', 360)
    expect(await texts(page, '#examples .asked h3')).toEqual(['\u05d0\u05d9\u05d6\u05d4 \u05e6\u05d1\u05e2?'])
    expect(
      await page.evaluate(
        `['h3', 'bdi', 'q'].map((e) => getComputedStyle(document.querySelector('#examples ' + e)).direction)`,
      ),
    ).toEqual(['rtl', 'rtl', 'rtl'])
    expect(await page.textContent('#examples .asked p')).toBe(
      'Human answers: \u05d0\u05d3\u05d5\u05dd \u00d73, no answer',
    )
  })

  test('runs and themes switch, series hide', async () => {
    const page = await open('two.html', 1440)
    await page.selectOption('[data-filter=run]', '1')
    expect(await page.textContent('#examples .status')).toContain('24 questions')
    await page.uncheck('[data-toggle="first run · pointer"]')
    expect(
      await page.evaluate(`document.querySelector('[data-series="first run · pointer"]').style.display`),
    ).toBe('none')
    await page.selectOption('.theme', 'dark')
    expect(await page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe('rgb(20, 23, 27)')
  })
})
