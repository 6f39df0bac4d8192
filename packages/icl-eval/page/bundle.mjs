// Bundles the script of report.html into one file, which `renderReport` puts into the page.
import { buildSync } from 'esbuild'
import { fileURLToPath } from 'node:url'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

buildSync({
  entryPoints: [path('main.ts')],
  outfile: path('../dist/page/page.js'),
  bundle: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
})
