import { formatTable } from '@lever/terminal'
import type { Improved } from './types.ts'

/** What the rounds of a run measured and ended with, as text. */
export function formatImproved({ rounds, chosen, validated, rlData, journal, checkpoint }: Improved): string {
  const percent = (value: number | null): string => (value === null ? '-' : (100 * value).toFixed(1))
  return [
    formatTable([
      ['round', 'outcomes', 'proposed by', 'mean reward of its pointers'],
      ...rounds.map(({ round, outcomes, reward }) => [
        String(round),
        String(outcomes),
        round === 1 ? 'the mix' : 'the small policies',
        percent(reward),
      ]),
    ]),
    '',
    `measured: ${rlData} (journal ${journal})`,
    ...(validated > 0 ? [`validated: ${validated} outcomes more, of what the finalists choose`] : []),
    `checkpoint: ${checkpoint}, which chooses by ${chosen}`,
  ].join('\n')
}
