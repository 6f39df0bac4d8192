import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'

const pages = join(import.meta.dirname, '../../.site')
const titleOf = (file) =>
  /^# (.+)$/m.exec(readFileSync(join(pages, file), 'utf8'))?.[1].replaceAll('`', '') ?? file
const listOf = (folder) =>
  readdirSync(join(pages, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ text: titleOf(`${folder}/${name}`), link: `/${folder}/${name.slice(0, -3)}` }))
const page = (text, link) => ({ text, link })

export default defineConfig({
  title: 'Lever',
  description: 'Chooses in-context demonstrations for vision-language models',
  srcDir: '../.site',
  outDir: '../.site/dist',
  cacheDir: '../.site/cache',
  cleanUrls: false,
  lastUpdated: false,
  markdown: {
    // Code between backticks is text, also where it has {{ }}, which Vue would compute.
    config({ renderer: { rules } }) {
      const plain = rules.code_inline
      rules.code_inline = (...args) => plain(...args).replace('<code', '<code v-pre')
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Guides', '/guides/first-policy'),
      page('Examples', '/examples'),
      page('Results', '/results'),
      page('Reference', '/reference/'),
    ],
    sidebar: [
      { text: 'Guides', items: listOf('guides') },
      {
        text: 'Pages',
        items: [
          page('Concepts', '/concepts'),
          page('Examples', '/examples'),
          page('The command', '/command'),
          page('Results', '/results'),
          page('Data formats', '/data-format'),
          page('Models', '/vqa-models'),
          page('Serving', '/serving'),
          page('Clusters', '/cluster'),
          page('GPU', '/gpu'),
          page('ONNX Runtime', '/onnxruntime'),
          page('Sweeps', '/sweeps'),
          page('Checkpoints', '/checkpoints'),
          page('OK-VQA, step by step', '/okvqa-walkthrough'),
          page('A real model', '/real-benchmark'),
          page('Dependencies', '/dependencies'),
          page('Changes', '/changelog'),
          page('Releasing', '/releasing'),
        ],
      },
      { text: 'Packages', items: listOf('packages'), collapsed: true },
      { text: 'Decisions', items: listOf('decisions'), collapsed: true },
      page('Reference', '/reference/'),
    ],
  },
})
