import { InputError } from '@lever/durable-files'
import { differences, identify, isFailure, type Asking, type Identity } from './identity.ts'
import type { Servers } from './servers.ts'

/**
 * Base URLs as requests use them, each once.
 *
 * @throws InputError for what is not an http(s) URL, or carries a user name, password or query
 */
export function serverUrls(baseUrl: string | readonly string[]): string[] {
  const given = typeof baseUrl === 'string' ? [baseUrl] : baseUrl
  if (given.length === 0) {
    throw new InputError('vqa-model: there is no base URL; give --base-url, such as http://127.0.0.1:8000/v1')
  }
  const urls = given.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      throw new InputError(
        `vqa-model: the base URL "${text}" is none; give one such as http://127.0.0.1:8000/v1`,
      )
    }
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw new InputError(
        `vqa-model: the base URL of ${url.host} holds more than an address; a key goes into the environment variable LEVER_API_KEY`,
      )
    }
    return url.href.replace(/\/+$/, '')
  })
  return [...new Set(urls)]
}

/**
 * Asks all servers who they are. One that does not answer yet is tried again later, as long as
 * another one does.
 *
 * @throws InputError if none answers, or two are not the same
 */
export async function meetServers(
  { all }: Servers,
  model: string | undefined,
  asking: Asking,
  onNotice: (line: string) => void = () => undefined,
): Promise<Identity> {
  const found = await Promise.all(all.map(({ url }) => identify(url, model, asking)))
  const known = found.findIndex((one) => !isFailure(one))
  if (known < 0) {
    const told = found.map((one, i) => `${all[i]!.url}: ${isFailure(one) ? one.detail : ''}`).join('; ')
    const denied = found.some((one) => isFailure(one) && (one.status === 401 || one.status === 403))
    throw new InputError(
      `vqa-model: no server answers (${told}); ${denied ? 'give its key in the environment variable LEVER_API_KEY or OPENAI_API_KEY' : 'start it, or check the base URL; docs/vqa-models.md has the commands'}`,
    )
  }
  const identity = found[known] as Identity
  found.forEach((one, i) => {
    const server = all[i]!
    if (isFailure(one)) {
      onNotice(`${server.url} does not answer (${one.detail}); going on without it`)
      server.unsure = true
      server.absences = 1
      return
    }
    const differs = differences(identity, one)
    if (differs.length > 0) {
      throw new InputError(
        `vqa-model: ${all[known]!.url} and ${server.url} are not the same: ${differs.join('; ')}; start them with the same model and version`,
      )
    }
  })
  return identity
}
