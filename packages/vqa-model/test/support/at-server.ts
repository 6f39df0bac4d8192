import { openVqaModel, type OpenaiOptions, type VqaModel } from '../../src/index.ts'
import { systemClock } from '../../src/openai/clock.ts'
import { startServer, type ServerConfig } from './openai-server.ts'

/** Waits are a fiftieth as long, and always the longest. */
const hurried = {
  ...systemClock,
  sleep: (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    systemClock.sleep(milliseconds / 50, signal),
  random: (): number => 0.99,
}

export const open = (options: OpenaiOptions): Promise<VqaModel> =>
  openVqaModel({ backend: 'openai', clock: hurried, ...options })

/** Opens a model at a new server, runs, closes. */
export async function at<T>(
  config: ServerConfig,
  options: Partial<OpenaiOptions>,
  run: (model: VqaModel, server: Awaited<ReturnType<typeof startServer>>) => Promise<T>,
): Promise<T> {
  const server = await startServer(config)
  const model = await open({ baseUrl: server.baseUrl, ...options })
  try {
    return await run(model, server)
  } finally {
    await model.close()
    await server.kill()
  }
}
