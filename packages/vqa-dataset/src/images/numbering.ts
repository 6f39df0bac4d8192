import type { ImageFacts } from './facts.ts'
import { areAlike, decodeLook, encodeLook, type Look, type LookAt } from './look.ts'

/** So many pairs tell whether two datasets number their images alike. */
const SAMPLE = 32

type FilesOfOneId = readonly [ReadonlySet<string>, ReadonlySet<string>]

/**
 * Whether two datasets mean one picture by one id: at least half of a sample of the ids that both use show the same
 * picture, by bytes or by their look (COCO in another encoding), or nothing can be looked at.
 */
export async function sharesNumbers(
  pairs: readonly FilesOfOneId[],
  contents: ReadonlyMap<string, string>,
  { facts, look }: { readonly facts: ImageFacts; readonly look: LookAt | undefined },
): Promise<boolean> {
  const both = pairs.filter(([a, b]) => a.size > 0 && b.size > 0)
  let [seen, same] = [0, 0]
  const step = Math.max(1, both.length / SAMPLE)
  for (let at = 0; at < both.length; at += step) {
    const isOne = await showOnePicture(both[Math.floor(at)]!, contents, { facts, look })
    if (isOne === undefined) continue
    seen += 1
    if (isOne) same += 1
  }
  return 2 * same >= seen
}

/** Undefined when it cannot be told. */
async function showOnePicture(
  [a, b]: FilesOfOneId,
  contents: ReadonlyMap<string, string>,
  { facts, look }: { readonly facts: ImageFacts; readonly look: LookAt | undefined },
): Promise<boolean | undefined> {
  const there = new Set([...a].map((path) => contents.get(path)))
  if ([...b].some((path) => there.has(contents.get(path)))) return true
  if (look === undefined) return undefined
  const [first, second] = [await lookAt([...a][0]!, facts, look), await lookAt([...b][0]!, facts, look)]
  return first && second && areAlike(first, second)
}

/** The look of a file, once; undefined where it cannot be read. */
export async function lookAt(path: string, facts: ImageFacts, look: LookAt): Promise<Look | undefined> {
  const text = await facts.fact(path, 'look', async () => {
    const pixels = await look(path)
    return pixels && encodeLook(pixels)
  })
  return text === undefined ? undefined : decodeLook(text)
}
