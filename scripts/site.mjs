// The documentation site: `npm run site` writes .site/dist. Pages are the Markdown files of the repository; the
// reference is made from the doc comments. A link that leads nowhere is an error.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { Application } from 'typedoc'
import { build } from 'vitepress'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const out = join(root, '.site')
const { homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const source = `${homepage}/blob/main/`

/** The page that also shows the code of the files it names. */
const EXAMPLES = 'apps/examples/README.md'

const isPackage = (folder) => existsSync(join(root, folder, 'package.json'))
const packages = readdirSync(join(root, 'packages'))
  .map((name) => `packages/${name}`)
  .filter(isPackage)

/** Files of the repository and the pages that they become. */
function pages() {
  const found = new Map([['README.md', 'index.md']])
  const add = (folder, prefix) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) add(path, `${prefix}${entry.name}/`)
      else if (entry.name.endsWith('.md')) found.set(path, prefix + entry.name)
    }
  }
  add('docs', '')
  found.set(EXAMPLES, 'examples.md')
  for (const folder of packages) found.set(`${folder}/README.md`, `${folder}.md`)
  for (const name of ['CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']) {
    if (existsSync(join(root, name))) found.set(name, name.toLowerCase())
  }
  return found
}

/** The files that the page of the examples names, each with its code. */
function codeOf(text, file) {
  const names = new Set(
    Array.from(text.matchAll(/\]\(((?:src|reward-mode|test)\/[\w.-]+\.ts)\)/g), ([, name]) => name),
  )
  const blocks = Array.from(names, (name) => {
    const code = readFileSync(join(root, dirname(file), name), 'utf8')
    return `## ${name}\n\n\`\`\`ts\n${code}\`\`\`\n`
  })
  return ['', ...blocks].join('\n')
}

const LINK = /(!?\[(?:[^\][]|\[[^\]]*\])*\]\()([^)\s]+)(\))/g

/** The text of a page with its links led to pages, to copied images, and to the repository for everything else. */
function linked(text, file, known) {
  return text.replace(LINK, (whole, before, target, after) => {
    if (/^([a-z]+:|#)/i.test(target)) return whole
    const [path, anchor = ''] = target.split(/(?=#)/)
    const wanted = posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, '')
    if (!existsSync(join(root, wanted))) throw new Error(`${file}: the link ${target} leads to no file`)
    const page = known.get(wanted) ?? known.get(`${wanted}/README.md`)
    if (page !== undefined) return `${before}/${page}${anchor}${after}`
    if (before.startsWith('!')) {
      const copy = join(out, 'public', wanted)
      mkdirSync(dirname(copy), { recursive: true })
      cpSync(join(root, wanted), copy)
      return `${before}/${wanted}${after}`
    }
    return `${before}${source}${wanted}${anchor}${after}`
  })
}

function writePages() {
  const known = pages()
  for (const [file, page] of known) {
    const path = join(out, page)
    mkdirSync(dirname(path), { recursive: true })
    const text = readFileSync(join(root, file), 'utf8')
    writeFileSync(path, linked(text, file, known) + (file === EXAMPLES ? codeOf(text, file) : ''))
  }
}

/** The reference, a page per package. */
async function writeReference() {
  const app = await Application.bootstrapWithPlugins({
    entryPointStrategy: 'packages',
    entryPoints: packages.map((folder) => join(root, folder)),
    packageOptions: {
      entryPoints: ['src/index.ts'],
      readme: 'none',
      excludeInternal: true,
      excludeExternals: true,
      validation: { notExported: false, invalidLink: true, notDocumented: true },
      requiredToBeDocumented: ['Class', 'Enum', 'Function', 'Interface', 'TypeAlias', 'Variable'],
    },
    name: 'Lever',
    readme: 'none',
    plugin: ['typedoc-plugin-markdown'],
    outputFileStrategy: 'modules',
    hideBreadcrumbs: true,
    useHTMLAnchors: true,
    hidePageHeader: true,
    disableSources: true,
    entryFileName: 'index',
    out: join(out, 'reference'),
    logLevel: 'Warn',
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('the reference could not be made')
  await app.generateOutputs(project)
  if (process.argv.includes('--strict') && (app.logger.hasWarnings() || app.logger.hasErrors())) {
    throw new Error('write the doc comments that are missing above')
  }
}

/** Every link inside the built site, with its anchor. @throws if one leads nowhere */
function checkAnchors(folder) {
  const html = new Map()
  const walk = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.name.endsWith('.html'))
        html.set(`/${relative(folder, path)}`, readFileSync(path, 'utf8'))
    }
  }
  walk(folder)
  const ids = new Map([...html].map(([page, text]) => [page, new Set(text.match(/(?<= id=")[^"]+/g))]))
  const broken = []
  for (const [page, text] of html) {
    // VitePress prints what goes wrong while a page is rendered, and goes on without its text.
    if (!text.includes('<h1') && page !== '/404.html')
      broken.push(`${page} has no heading: it was not rendered`)
    for (const [, href] of text.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^[a-z]+:/i.test(href) || page === '/404.html') continue
      const { pathname, hash } = new URL(href.replaceAll('&amp;', '&'), `http://site${page}`)
      const target = pathname.endsWith('/') ? `${pathname}index.html` : pathname
      const anchors = ids.get(decodeURI(target)) ?? ids.get(`${decodeURI(target)}.html`)
      const anchor = decodeURIComponent(hash.slice(1))
      if (anchors === undefined || (anchor !== '' && !anchors.has(anchor))) broken.push(`${page}: ${href}`)
    }
    const loaded = text.match(/(?:src|<link [^>]*href)="https?:[^"]+"/)
    if (loaded !== null) broken.push(`${page} loads ${loaded[0]}`)
  }
  if (broken.length > 0) throw new Error(`links that lead nowhere:\n${[...new Set(broken)].join('\n')}`)
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out)
await writeReference()
writePages()
await build(join(root, 'site'))
checkAnchors(join(out, 'dist'))
