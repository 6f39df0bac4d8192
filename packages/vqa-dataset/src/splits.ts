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
  const names = [split, short, bare, `${bare}2014`, `${bare}2017`, `${bare}2015`]
  return [...new Set(isPartOfTest(bare) ? [...names, 'test', 'test2015'] : names)]
}

/** Splits of COCO's images as their file names have them: those of `test-dev2015` are images of `test2015`. */
export function cocoSplits(split: string): string[] {
  const bare = plain(split).replace(/\d{4}$/, '')
  if (isPartOfTest(bare)) return ['test2015', split]
  if (/\d{4}$/.test(split)) return [split]
  return bare === 'test'
    ? ['test2015', 'test2014']
    : [`${split}2014`, ...(bare === split ? [] : [`${bare}2014`])]
}

function isPartOfTest(bare: string): boolean {
  return /^test-?dev$/i.test(bare)
}

function plain(split: string): string {
  const bare = /^(.*?)(\d{4})?$/.exec(split)!
  return (SHORT.get(bare[1]!) ?? bare[1]!) + (bare[2] ?? '')
}
