import { openSelector, type OpenSelector } from '@lever/selector'
import { openVqaModel, type VqaModel } from '@lever/vqa-model'
import { startServer, type RunningServer } from '../../src/index.ts'
import { serverSettings, type ServerSettings } from '../../src/settings.ts'
import { readSettings } from '@lever/settings'
import { MODEL } from './world.ts'

export interface Started extends RunningServer {
  readonly selector: OpenSelector
  /** Lines of its log, parsed. */
  readonly log: Record<string, unknown>[]
  /** Closes the server, the bundle and the model. */
  end(): Promise<void>
}

/** A server of a bundle on a free port, with the local model unless there is an upstream. */
export async function serve(
  bundle: string,
  given: Partial<ServerSettings> = {},
  env: Record<string, string> = {},
): Promise<Started> {
  const settings = readSettings(serverSettings, { port: 0, ...given })
  const selector = await openSelector(bundle, { writable: settings.writable, allowPaths: false })
  let model: VqaModel | undefined
  try {
    const { template } = selector.manifest
    if (settings.upstream === undefined) {
      model = await openVqaModel({ backend: 'onnx', model: MODEL, workers: 1, template })
    }
    const log: Record<string, unknown>[] = []
    const write = (line: string): void => void log.push(JSON.parse(line) as Record<string, unknown>)
    const server = await startServer({ settings, selector, model, version: '0.0.0', env, log: { write } })
    const end = async (): Promise<void> => {
      await server.close()
      await Promise.all([selector.close(), model?.close()])
    }
    return { ...server, selector, log, end }
  } catch (error) {
    await Promise.all([selector.close(), model?.close()])
    throw error
  }
}
