/** Short names of splits; others stand for themselves. */
const SHORT: ReadonlyMap<string, string> = new Map([
  ['validation', 'val'],
  ['training', 'train'],
])

/** The split that a file name speaks of: `v2_OpenEnded_mscoco_train2014_questions.json` is of `train2014`. */
export function splitOfName(name: string): string {
  const found =
    /(?:^|[^a-z])((?:training|train|validation|val|test-?dev|testdev|test|minival)(?:20\d\d)?)(?=[^a-z]|$)/i.exec(
      name,
    )
  return found?.[1] ?? ''
}

/** Whether a dataset of split `have` is meant by `wanted`: `train` means `train2014`, `val` means `validation`. */
export function meansSplit(wanted: string, have: string): boolean {
  const [a, b] = [plain(wanted), plain(have)]
  return a === b || (b.startsWith(a) && /^\d{4}$/.test(b.slice(a.length)))
}

/** Names of folders that may hold the images of a split. */
export function splitNames(split: string): string[] {
  if (split === '') return []
  const short = plain(split)
  const bare = short.replace(/\d{4}$/, '')
  return [...new Set([split, short, bare, `${bare}2014`, `${bare}2017`, `${bare}2015`])]
}

function plain(split: string): string {
  const bare = /^(.*?)(\d{4})?$/.exec(split)!
  return (SHORT.get(bare[1]!) ?? bare[1]!) + (bare[2] ?? '')
}
