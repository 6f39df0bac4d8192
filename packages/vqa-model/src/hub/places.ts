import { homedir } from 'node:os'
import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** Where downloads and caches of this package lie: `LEVER_CACHE`, else `~/.cache/lever`. */
export function cacheFolder(env: Environment = process.env): string {
  return filled(env['LEVER_CACHE']) ?? join(homedir(), '.cache', 'lever')
}

/** Where a downloaded model lies. */
export function modelCache(id: string, env: Environment = process.env): string {
  return join(cacheFolder(env), 'models', ...id.split('/'))
}

/** Where the Hub's own Python tools keep a model: `HF_HUB_CACHE`, `HF_HOME/hub` or `~/.cache/huggingface/hub`. */
export function hubCache(id: string, env: Environment = process.env): string {
  const hub =
    filled(env['HF_HUB_CACHE']) ??
    join(filled(env['HF_HOME']) ?? join(homedir(), '.cache', 'huggingface'), 'hub')
  return join(hub, `models--${id.replace('/', '--')}`)
}

/** The variable that forbids the network, or undefined. Empty, `0`, `false`, `no` and `off` do not count. */
export function offlineBy(env: Environment = process.env): string | undefined {
  return ['LEVER_OFFLINE', 'HF_HUB_OFFLINE'].find((name) => {
    const value = filled(env[name])?.toLowerCase()
    return value !== undefined && !['0', 'false', 'no', 'off'].includes(value)
  })
}

/** Address of the Hub, `HF_ENDPOINT` or the public one, without a slash at its end. */
export function hubEndpoint(env: Environment = process.env): string {
  return (filled(env['HF_ENDPOINT']) ?? 'https://huggingface.co').replace(/\/+$/, '')
}

/** `HF_TOKEN`, for models behind a login. */
export function hubToken(env: Environment = process.env): string | undefined {
  return filled(env['HF_TOKEN'])
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim()
}
