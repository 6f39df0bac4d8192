import type { Selector } from './types.ts'

/** The selector, choosing from the whole library. */
export function overLibrary(selector: Selector): Selector {
  return { ...selector, scope: 'library' }
}

/** The selector, choosing from the pool of each query; named `pool:<name>` unless told otherwise. */
export function withinPool(selector: Selector, name: string = `pool:${selector.name}`): Selector {
  return {
    ...selector,
    name,
    scope: 'pool',
    stream: selector.stream ?? selector.name,
  }
}
