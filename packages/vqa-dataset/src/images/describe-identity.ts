import type { SameImage } from '../dataset.ts'
import type { IdentifiedImages, NearImages } from './identity.ts'

/** Which image files show one picture; the first ten of each kind. */
export interface IdentityDescription {
  readonly identical: { readonly count: number; readonly first: readonly SameImage[] }
  /** Null where they were not looked for. */
  readonly alike: { readonly count: number; readonly first: readonly NearImages[] } | null
  /** Image ids that two of the datasets use for different pictures. */
  readonly clashes: number
}

const SHOWN = 10

/** `isNear` says whether files that look alike were looked for. */
export function describeIdentity(
  { same, near, clashes }: Pick<IdentifiedImages<unknown>, 'same' | 'near' | 'clashes'>,
  isNear = true,
): IdentityDescription {
  return {
    identical: { count: same.length, first: same.slice(0, SHOWN) },
    alike: isNear ? { count: near.length, first: near.slice(0, SHOWN) } : null,
    clashes,
  }
}

/** For people. */
export function formatIdentity({ identical, alike, clashes }: IdentityDescription): string {
  const list = (paths: readonly (readonly string[])[], count: number): string[] => [
    ...paths.map((each) => `  ${each.join(' = ')}`),
    ...(count > paths.length ? [`  and ${count - paths.length} more`] : []),
  ]
  const paths = (all: readonly { readonly paths: readonly string[] }[]): (readonly string[])[] =>
    all.map((one) => one.paths)
  return [
    identical.count === 0
      ? 'no two image files have the same bytes'
      : `pictures in several files of the same bytes: ${identical.count}`,
    ...list(paths(identical.first), identical.count),
    ...(alike === null
      ? ['files that look alike are looked for with --all-images']
      : [
          `${alike.count === 0 ? 'no two others look alike' : `files that look like another one: ${alike.count}`} (crops and rotated copies are not found)`,
          ...list(paths(alike.first), alike.count),
        ]),
    ...(clashes > 0 ? [`image ids that mean different pictures in two datasets: ${clashes}`] : []),
  ].join('\n')
}
