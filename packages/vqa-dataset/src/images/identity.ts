import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Dataset, SameImage } from '../dataset.ts'
import type { Example } from '../example.ts'
import { contentsOf } from './contents.ts'
import { openImageFacts, type ImageFacts } from './facts.ts'
import { createGroups, type Groups } from './groups.ts'
import { pairsAlike } from './near.ts'
import { sharesNumbers } from './numbering.ts'
import type { LookAt } from './look.ts'

/** How pictures are compared. */
export interface IdentifyOptions {
  /** Folder for the hashes of many files. */
  readonly cache?: string | undefined
  /** Reads an image small. With it, datasets that use one id for different pictures are told apart. */
  readonly look?: LookAt | undefined
  /** Count files that look alike as one image too; needs `look`, which then reads every image. */
  readonly near?: boolean | undefined
}

export const IDENTIFY_OPTIONS: OptionNames<IdentifyOptions> = { cache: true, look: true, near: true }

/** Two files that look alike without having the same bytes. */
export interface NearImages {
  readonly imageId: number | string
  readonly paths: readonly [string, string]
}

/** Datasets in which one picture has one id. */
export interface IdentifiedImages<D> {
  /** The datasets as they were given, with `imageId`s by which one picture has one id in all of them. */
  readonly datasets: readonly D[]
  /** Pictures that lie there more than once. */
  readonly same: readonly SameImage[]
  /** Files that look like one before them, which had another id: copies in another size or encoding, or mirrored. */
  readonly near: readonly NearImages[]
  /** Ids that two datasets use for different pictures; the later dataset's images have other ids now. */
  readonly clashes: number
}

/** An image id of one dataset, with the files that its examples name. */
interface Image {
  readonly dataset: number
  readonly imageId: number | string
  readonly paths: ReadonlySet<string>
}

/**
 * Gives one picture one image id: files of equal bytes count as one image, whatever their names and ids. The id is that
 * of the first example, in the order of the datasets. An id that two datasets use means one image, unless `look` shows
 * that they number their images independently; then the later dataset's image gets `<id>@<hash of the dataset>`. What
 * groups by `imageId` (pools, splits, intervals, leakage) so knows pictures by their content.
 */
export async function identifyImages<D extends Pick<Dataset, 'examples' | 'hash'>>(
  datasets: readonly D[],
  options: IdentifyOptions = {},
): Promise<IdentifiedImages<D>> {
  refuseUnknownOptions(options, IDENTIFY_OPTIONS, 'vqa-dataset: identifyImages')
  const { cache, look, near = false } = options
  const images = imagesOf(datasets)
  const paths = new Set(images.flatMap((image) => [...image.paths]))
  const facts = await openImageFacts(paths, cache)
  const contents = await contentsOf(paths, facts)
  const groups = createGroups(images.length)
  joinByContent(images, contents, groups)
  const clashes = await joinById(images, contents, groups, { facts, look })
  const alike = near && look ? await joinByLook(images, contents, groups, { facts, look }) : []
  await facts.save()
  const names = namesOf(images, groups, datasets)
  return {
    datasets: datasets.map((dataset, at) => renamed(dataset, names[at]!)),
    same: sameOf(contents, images, names),
    near: alike.map(({ image: { dataset, imageId }, paths }) => ({
      imageId: names[dataset]!.get(String(imageId))!,
      paths,
    })),
    clashes,
  }
}

function imagesOf(datasets: readonly Pick<Dataset, 'examples'>[]): Image[] {
  return datasets.flatMap(({ examples }, dataset) => {
    const images = new Map<string, Image & { paths: Set<string> }>()
    for (const { imageId, image } of examples) {
      if (imageId === null) continue
      const known = images.get(String(imageId)) ?? { dataset, imageId, paths: new Set<string>() }
      images.set(String(imageId), known)
      if (image !== undefined) known.paths.add(image)
    }
    return [...images.values()]
  })
}

function joinByContent(
  images: readonly Image[],
  contents: ReadonlyMap<string, string>,
  groups: Groups,
): void {
  const first = new Map<string, number>()
  images.forEach(({ paths }, at) => {
    for (const path of paths) {
      const content = contents.get(path)!
      const before = first.get(content)
      if (before === undefined) first.set(content, at)
      else groups.join(before, at)
    }
  })
}

/** Joins images of one id; gives how many pairs stay apart since two datasets number independently. */
async function joinById(
  images: readonly Image[],
  contents: ReadonlyMap<string, string>,
  groups: Groups,
  { facts, look }: { readonly facts: ImageFacts; readonly look: LookAt | undefined },
): Promise<number> {
  const before = new Map<string, number[]>()
  const pairs = new Map<string, [number, number][]>()
  images.forEach(({ dataset, imageId }, at) => {
    const others = before.get(String(imageId)) ?? []
    for (const other of others) {
      const between = `${images[other]!.dataset} ${dataset}`
      const known = pairs.get(between)
      if (known === undefined) pairs.set(between, [[other, at]])
      else known.push([other, at])
    }
    before.set(String(imageId), [...others, at])
  })
  let clashes = 0
  for (const between of pairs.values()) {
    const files = between.map(([a, b]) => [images[a]!.paths, images[b]!.paths] as const)
    const isOne = await sharesNumbers(files, contents, { facts, look })
    between.forEach(([a, b], i) => {
      const isDoubtful = files[i]!.every(({ size }) => size > 0)
      if (isOne || !isDoubtful) groups.join(a, b)
      else if (groups.firstOf(a) !== groups.firstOf(b)) clashes += 1
    })
  }
  return clashes
}

/** Joins images whose files look alike; gives the pairs that nothing else had joined. */
async function joinByLook(
  images: readonly Image[],
  contents: ReadonlyMap<string, string>,
  groups: Groups,
  { facts, look }: { readonly facts: ImageFacts; readonly look: LookAt },
): Promise<{ readonly image: Image; readonly paths: readonly [string, string] }[]> {
  const shown = new Map<string, readonly [string, number]>()
  images.forEach(({ paths }, at) => {
    for (const path of paths) {
      const content = contents.get(path)!
      if (!shown.has(content)) shown.set(content, [path, at])
    }
  })
  const files = [...shown.values()]
  const pairs = await pairsAlike(
    files.map(([path]) => path),
    facts,
    look,
  )
  return pairs.flatMap(([a, b]) => {
    const [[first, one], [second, other]] = [files[a]!, files[b]!]
    if (groups.firstOf(one) === groups.firstOf(other)) return []
    groups.join(one, other)
    return [{ image: images[one]!, paths: [first, second] as const }]
  })
}

type Names = ReadonlyMap<string, number | string>

/** The new id of every image, for each dataset. */
function namesOf(
  images: readonly Image[],
  groups: Groups,
  datasets: readonly Pick<Dataset, 'hash'>[],
): Names[] {
  const names = datasets.map(() => new Map<string, number | string>())
  const taken = new Set<string>()
  const byGroup = new Map<number, number | string>()
  images.forEach(({ dataset, imageId }, at) => {
    const group = groups.firstOf(at)
    if (!byGroup.has(group)) {
      const isFree = !taken.has(String(imageId))
      byGroup.set(group, isFree ? imageId : `${imageId}@${datasets[dataset]!.hash.slice(0, 12)}`)
      taken.add(String(imageId))
    }
    names[dataset]!.set(String(imageId), byGroup.get(group)!)
  })
  return names
}

/** The very dataset when no id changes. */
function renamed<D extends { readonly examples: readonly Example[] }>(dataset: D, names: Names): D {
  const nameOf = ({ imageId }: Example): number | string | null =>
    imageId === null ? null : names.get(String(imageId))!
  if (dataset.examples.every((example) => String(nameOf(example)) === String(example.imageId))) return dataset
  return { ...dataset, examples: dataset.examples.map((one) => ({ ...one, imageId: nameOf(one) })) }
}

function sameOf(
  contents: ReadonlyMap<string, string>,
  images: readonly Image[],
  names: readonly Names[],
): SameImage[] {
  const byContent = new Map<string, string[]>()
  for (const [path, content] of contents) byContent.set(content, [...(byContent.get(content) ?? []), path])
  const idOf = new Map<string, number | string>()
  for (const { dataset, imageId, paths } of images) {
    for (const path of paths) idOf.set(path, names[dataset]!.get(String(imageId))!)
  }
  return [...byContent.values()]
    .filter((paths) => paths.length > 1)
    .map((paths) => ({ imageId: idOf.get(paths[0]!)!, paths }))
}

/** Files that look like another one, in words; undefined when there are none. */
export function nearImageNotice(near: readonly NearImages[]): string | undefined {
  const [first] = near
  if (first === undefined) return undefined
  const files = near.length === 1 ? '1 image file looks' : `${near.length} image files look`
  return `${files} like another one (${first.paths.join(' and ')}); such files count as one image`
}

/** Pictures that lie there more than once, in words; undefined when there are none. */
export function sameImageNotice(same: readonly SameImage[]): string | undefined {
  const [first] = same
  if (first === undefined) return undefined
  const files = same.reduce((sum, { paths }) => sum + paths.length, 0)
  const each = same.length === 1 ? 'it counts' : 'each counts'
  return `${files} image files show ${same.length} picture${same.length === 1 ? '' : 's'} (${first.paths.slice(0, 2).join(' and ')} have the same bytes); ${each} as one image`
}
