import { InputError } from '@lever/durable-files'
import { Refusal } from '../http/refusal.ts'

/** Does only this machine reach an address? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** @throws InputError if others reach the address and there is no key */
export function requireKeyFor(host: string, key: string | undefined, withoutKey: boolean): void {
  if (key !== undefined || withoutKey || isLoopback(host)) return
  throw new InputError(
    `server: others reach ${host} and there is no key; set LEVER_SERVE_KEY or --api-key-file, or say --without-key`,
  )
}

const OWN = ['localhost', '127.0.0.1', '[::1]']

/**
 * A check of `host` headers. A page of the web may point a name of its own at 127.0.0.1 and ask from the user's
 * browser; such a request bears that name.
 *
 * @param host what the server listens on; where others reach it, every name is taken
 */
export function createHostCheck(
  host: string,
  names: readonly string[],
): (header: string | undefined) => void {
  if (!isLoopback(host)) return () => undefined
  const known = new Set([...OWN, ...names.map((name) => name.toLowerCase())])
  return (header = '') => {
    const name = header.toLowerCase().replace(/:\d+$/, '')
    if (known.has(name) || known.has(header.toLowerCase())) return
    throw new Refusal(
      403,
      `this server does not know itself by the name ${JSON.stringify(header)}; start it with --host-names ${name === '' ? 'NAME' : name} if that is one of its names`,
    )
  }
}
