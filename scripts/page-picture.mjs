// node scripts/page-picture.mjs BUNDLE: draws docs/images/page.webp, the picture of the README, from the real page of
// `lever serve` in Chromium. The question is one of the world's test split; nothing of the picture is written by hand.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const [bundle, chosen = '1'] = process.argv.slice(2)
if (bundle === undefined) throw new Error('give the folder that lever bundle made, and which test question')
const WORLD = new URL('../fixtures/shapes-vqa/world/', import.meta.url)
const { questions } = JSON.parse(readFileSync(new URL('test/questions.json', WORLD), 'utf8'))
const { question, image_id } = questions[Number(chosen)]

const args = [
  'apps/cli/bin/lever.js',
  'serve',
  '--bundle',
  bundle,
  '--port',
  '0',
  '--json',
  '--log-level',
  'error',
]
const server = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
const url = await new Promise((done, failed) => {
  let text = ''
  server.stderr.on('data', (part) => {
    text += part
    const found = /"event":"listening","url":"([^"]+)"/.exec(text)?.[1]
    if (found) done(found)
  })
  server.on('exit', () => failed(new Error(text)))
})
const executablePath = process.env.LEVER_CHROMIUM ?? '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  const page = await browser.newPage({ viewport: { width: 1180, height: 1020 }, colorScheme: 'light' })
  await page.goto(url)
  await page.locator('#selectors input').first().waitFor()
  await page.setInputFiles('#file', new URL(`images/${image_id}.png`, WORLD).pathname)
  await page.fill('#question', question)
  // The first question after the start waits for what is loaded late; the second is what a user sees.
  for (let time = 0; time < 2; time++) {
    await page.click('#go')
    await page.locator('#status', { hasText: /^\d+ answers\.$/ }).waitFor()
  }
  const sharp = createRequire(new URL('../packages/vqa-model/package.json', import.meta.url))('sharp')
  const picture = sharp(await page.screenshot({ fullPage: true })).webp({ quality: 80 })
  await picture.toFile('docs/images/page.webp')
} finally {
  await browser.close()
  server.kill('SIGTERM')
}
