import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A Python process with PyTorch that answers jobs, one at a time. */
export interface PyTorch {
  readonly version: string
  ask<T>(job: Readonly<Record<string, unknown>>): Promise<T>
  close(): Promise<void>
}

/** Starts a Python script of this folder, or says why it cannot. The Python is LEVER_PYTHON, or python3. */
export async function openPyTorch(name: string, threads: number): Promise<PyTorch | string> {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const python = process.env['LEVER_PYTHON'] ?? 'python3'
  const env = { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) }
  const child = spawn(python, [script], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint = `${complaint}${text.toString()}`.slice(-2000)))
  child.stdin.on('error', () => undefined)
  const started = await Promise.race([
    once(child, 'spawn').then(() => true),
    once(child, 'error').then(() => false),
  ])
  if (!started) return `no ${python}; give a Python with PyTorch in LEVER_PYTHON`
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async <T>(job: Readonly<Record<string, unknown>>): Promise<T> => {
    child.stdin.write(`${JSON.stringify(job)}\n`)
    const line = await lines.next()
    if (line.done === true) throw new Error(`bench: the PyTorch process ended: ${complaint.trim()}`)
    return JSON.parse(line.value) as T
  }
  try {
    const { version } = await ask<{ version: string }>({ do: 'hello', threads })
    const close = async (): Promise<void> => {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    }
    return { version, ask, close }
  } catch (error) {
    const last = complaint.trim().split('\n').at(-1) ?? String(error)
    return `no PyTorch in ${python} (${last}); pip install torch==2.13.0, or name another Python in LEVER_PYTHON`
  }
}
