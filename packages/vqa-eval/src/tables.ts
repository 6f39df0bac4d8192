/** Marks that the official normaliser deletes or turns into a space, in its order. */
export const PUNCTUATION: readonly string[] = Array.from(';/[]"{}()=+\\_-><@`,?!')

export const ARTICLES: ReadonlySet<string> = new Set(['a', 'an', 'the'])

export const NUMBER_WORDS: ReadonlyMap<string, string> = new Map([
  ['none', '0'],
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map(
    (word, number): [string, string] => [word, String(number)],
  ),
])

const CONTRACTED =
  "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've " +
  "he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've " +
  "o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's " +
  "someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've " +
  "there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're " +
  "what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't " +
  "would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've"

/**
 * Misspelt contraction to contraction: each word above under every spelling that lacks exactly one of its
 * apostrophes, and one entry that the official table has the wrong way round. The rows of that table which can
 * never match a lower-case word, and those that map a word to itself, are left out.
 */
export const CONTRACTIONS: ReadonlyMap<string, string> = new Map([
  ...CONTRACTED.split(' ').flatMap((word) =>
    [...word.matchAll(/'/g)].map(({ index }): [string, string] => [
      word.slice(0, index) + word.slice(index + 1),
      word,
    ]),
  ),
  ["somebody'd", 'somebodyd'],
])
