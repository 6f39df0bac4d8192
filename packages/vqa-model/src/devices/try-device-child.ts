import { tryDevice } from './try-device.ts'

/** Entry of a child process: tries one device; the error's message is the last line on stderr. */
try {
  await tryDevice(process.argv[2] ?? 'cpu')
  process.exitCode = 0
} catch (error) {
  process.stderr.write(`\n${(error as Error).message.replaceAll('\n', ' ')}\n`)
  process.exitCode = 1
}
