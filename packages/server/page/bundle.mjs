// Bundles the script of the page into one file, which the server sends.
import { buildSync } from 'esbuild'
import { fileURLToPath } from 'node:url'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

buildSync({
  entryPoints: [path('main.ts')],
  outfile: path('../dist/page/page.js'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
})
