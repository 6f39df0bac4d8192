import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/** Writes files into a folder: path to text, or to what becomes JSON. */
export async function writeFiles(folder, files) {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
  }
}

/** What the projects must not take from the repository or from the shell that runs this. */
function environment(more) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|NODE_PATH$|INIT_CWD$)/i.test(name)),
  )
  return { ...env, CI: '1', FORCE_COLOR: '0', OMP_NUM_THREADS: '1', ...more }
}

/** Checks may all be started at once: so many programs run at a time, the others wait. */
const AT_A_TIME = availableParallelism()
let running = 0
const waiting = []

async function inTurn(work) {
  if (running === AT_A_TIME) await new Promise((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}

/** Runs a program in a folder. Its code and what it printed; a code that is not 0 is thrown unless `mayFail`. */
export function run(cwd, command, args, { mayFail = false, env = {} } = {}) {
  return inTurn(
    () =>
      new Promise((resolve, reject) => {
        const options = { cwd, env: environment(env), encoding: 'utf8', maxBuffer: 1 << 28, timeout: 900_000 }
        execFile(command, args, options, (error, stdout, stderr) => {
          const code = error === null ? 0 : (error.code ?? 1)
          if (code === 0 || mayFail) return resolve({ code, stdout, stderr })
          const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-40).join('\n')
          reject(new Error(`${command} ${args.join(' ')} (in ${cwd}) ended with ${code}:\n${said}`))
        })
      }),
  )
}

/** Waits for all of several checks, and throws what went wrong in any. */
export async function all(checks) {
  const ended = await Promise.allSettled(checks)
  const faults = ended.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message)
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

/**
 * npm install, without install scripts, as this repository does it: the runtime's would ask NuGet for CUDA, esbuild's and
 * others' only shorten a start.
 */
export async function install(folder, dependencies, more = {}) {
  await writeFiles(folder, {
    'package.json': { name: 'consumer', private: true, type: 'module', dependencies, ...more },
  })
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  await run(folder, 'npm', ['install', ...flags])
}
