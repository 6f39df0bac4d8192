import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('openai-server.mjs', import.meta.url))

/** What the server's process takes; see openai-server.mjs. */
export interface ServerConfig {
  port?: number
  model?: string
  answersAs?: string
  ownedBy?: string
  version?: string
  key?: string
  scoring?: boolean
  unable?: number
  contextLength?: number
  faults?: readonly string[]
  broken?: string
  movedTo?: string
  choice?: object
  body?: string
  delay?: number
  slow?: number
}

export interface Seen {
  requests: number
  faults: Record<string, number>
  /** hash of a request's body -> times answered */
  answered: Record<string, number>
  mostRunning: number
  /** body of the last chat completion */
  last: { messages: { role: string; content: unknown }[]; [field: string]: unknown }
}

export interface TestServer {
  readonly port: number
  readonly baseUrl: string
  readonly seen: () => Promise<Seen>
  /** SIGKILL, and waits for the end. */
  readonly kill: () => Promise<void>
}

const running = new Set<ChildProcess>()

/** Starts the scripted server in a process of its own. */
export async function startServer(config: ServerConfig = {}): Promise<TestServer> {
  const child = spawn(process.execPath, [SERVER, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString().split(' ')[1])))
    child.once('exit', () => reject(new Error('the server did not start')))
  })
  const root = `http://127.0.0.1:${port}`
  return {
    port,
    baseUrl: `${root}/v1`,
    seen: async () => (await (await fetch(`${root}/seen`)).json()) as Seen,
    async kill() {
      running.delete(child)
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Ends all servers that were started here. */
export function killServers(): void {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
}
