// Runs publint and are-the-types-wrong on every package, and checks that one onnxruntime-node is installed.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

const run = (command, args) => execFileSync(command, args, { stdio: 'inherit' })

for (const name of readdirSync('packages')) {
  const folder = `packages/${name}`
  run('node_modules/.bin/publint', ['run', folder, '--strict', '--level', 'warning'])
  run('node_modules/.bin/attw', ['--pack', folder, '--profile', 'esm-only', '--format', 'ascii', '--quiet'])
}

const tree = execFileSync('npm', ['ls', 'onnxruntime-node', '--all', '--parseable', '--long'], {
  encoding: 'utf8',
})
const copies = new Set(
  tree
    .split('\n')
    .filter((line) => line.includes('onnxruntime-node@'))
    .map((line) => line.split(':')[0]),
)
if (copies.size !== 1) {
  throw new Error(
    `check-packages: ${copies.size} copies of onnxruntime-node are installed; two in one process crash`,
  )
}
