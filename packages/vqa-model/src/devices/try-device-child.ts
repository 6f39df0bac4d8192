import { tryDevice } from './try-device.ts'

/** Entry of a child process: tries one device; every check is one line of JSON on stdout. */
try {
  await tryDevice(process.argv[2] ?? 'cpu', (result) => process.stdout.write(`${JSON.stringify(result)}\n`))
} catch (error) {
  process.stderr.write(`\n${(error as Error).message.replaceAll('\n', ' ')}\n`)
  process.exitCode = 1
}
